// The encryption stage alone: reads a file, encrypts it, throws the result away.
import { createReadStream } from 'node:fs';
import { encrypt } from '../src/crypt/age.ts';

const [file = '', recipient = ''] = process.argv.slice(2);
for await (const _ of encrypt(createReadStream(file, { highWaterMark: 1 << 20 }), [recipient]));
