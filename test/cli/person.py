# A person at a terminal: runs a program on a new pseudo-terminal, waits for each prompt and types an answer.
# Arguments: steps as JSON, [[wait for, type], ...]; then the program. Prints JSON: what the terminal showed, what
# went to stdout (a pipe), the exit code, and whether the terminal echoes afterwards. PERSON_COLUMNS says how wide the
# terminal is; with PERSON_PACE, of so many characters, an answer comes in pieces, as from a scanner that types.
import fcntl, json, os, pty, select, struct, subprocess, sys, threading, termios, time

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
master, slave = pty.openpty()
columns = int(os.environ.get("PERSON_COLUMNS", "0"))
pace = int(os.environ.get("PERSON_PACE", "0"))
if columns:
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


child = subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, preexec_fn=take_terminal)
written = []
reader = threading.Thread(target=lambda: written.append(child.stdout.read()))
reader.start()
shown = b""


def look(seconds):
    global shown
    if select.select([master], [], [], seconds)[0]:
        shown += os.read(master, 65536)


def wait(done):
    end = time.time() + 15
    while not done() and time.time() < end:
        look(0.02)


at = 0
for prompt, answer in steps:
    wait(lambda: prompt.encode() in shown[at:])
    at = shown.find(prompt.encode(), at) + len(prompt.encode())
    typed = answer.encode()
    while typed:
        os.write(master, typed[: pace or None])
        typed = typed[pace:] if pace else b""
        # Letters come as from a quick hand, pieces as fast as a terminal passes on what is pasted.
        look(0.002 if pace == 1 else 0)
wait(lambda: child.poll() is not None)
child.kill()
reader.join()
look(0.1)
echo = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
print(json.dumps({"shown": shown.decode(), "stdout": written[0].decode(), "code": child.wait(), "echo": echo}))
