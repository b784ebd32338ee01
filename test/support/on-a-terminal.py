# Runs a command on a terminal of its own, shows what it says, and answers whatever asks for a passphrase there.
# usage: on-a-terminal.py PASSPHRASE COMMAND [ARGUMENT...]
import os
import pty
import sys

passphrase, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
said = b""
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    said += data
    if b"assphrase" in said and said.rstrip().endswith(b":"):
        os.write(terminal, passphrase + b"\n")
        said = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
