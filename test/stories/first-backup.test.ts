import { expect, it } from 'vitest';
import { machines } from '../support/program.ts';
const machine = machines();
it('x', async () => {
  const a = machine('web');
  const me = await a.identity();
  a.write('.env', 'A=1\n');
  const r = await a.ok(['init', '--name', 'shop', '--recipient', me.recipient, '--json']);
  console.log(r.stdout, r.stderr);
  const b = await a.ok(['backup', '--json']);
  console.log(b.stdout, b.stderr);
  const c = await a.run(['restore', '--target', 'out', '--json'], {env: {STRONGROOM_IDENTITY_FILE: me.file}});
  console.log(c.stdout, c.stderr, c.code);
  const d = await a.run(['verify', '--read-data', '--json']);
  console.log(d.stdout, d.stderr, d.failure());
});
