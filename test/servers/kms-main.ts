// The test KMS as a process, for scripts and benchmarks: prints how to reach it and one key, as shell assignments, and
// runs until it is ended. Bundle it as test/cli/program.ts does, or:
//   npx esbuild test/servers/kms-main.ts --bundle --platform=node --outfile=kms.cjs && node kms.cjs [PORT]

import { startKms } from './kms.ts';

async function main(): Promise<void> {
  const kms = await startKms(Number(process.argv[2] ?? 0));
  const arn = kms.createKey({ alias: 'strongroom' });
  process.stdout.write(
    `AWS_ENDPOINT_URL_KMS=${kms.endpoint}\nAWS_ACCESS_KEY_ID=${kms.credentials.accessKeyId}\nAWS_SECRET_ACCESS_KEY=${kms.credentials.secretAccessKey}\nKMS_KEY_ARN=${arn}\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void kms.close());
}

void main();
