// Makes the checks that this location calls for: this machine, the place, and what this role may do there.

import { StrongroomError } from '../../errors.ts';
import { pathFacts } from '../../host/path-facts.ts';
import { bucketChecks } from '../../vault/doctor/bucket-checks.ts';
import type { BucketPort } from '../../vault/doctor/bucket-port.ts';
import { type Checked, ok, runChecks, unknown, wrong } from '../../vault/doctor/check.ts';
import { guardChecks } from '../../vault/doctor/guard-check.ts';
import { directoryChecks, machineChecks, secretFile } from '../../vault/doctor/machine-checks.ts';
import { roleChecks } from '../../vault/doctor/role-checks.ts';
import { leftBehind } from '../../vault/guard/guard.ts';
import type { Pin } from '../../vault/pin.ts';
import type { Role } from '../../vault/policy/roles.ts';
import { type Context, locationOf, type Settings } from '../context.ts';
import { configuredPin } from '../open.ts';
import { vaultFindings } from './vault.ts';

/** Everything that there is to check, this machine first. */
export async function look(context: Context, role: Role | undefined): Promise<Checked[]> {
  const settings = await context.settings();
  const location = locationOf(settings);
  const world = await context.world();
  const bucket = await world.bucket(location, settings);
  const pin = await configuredPin(context);
  const machine = await machineFindings(context, settings, pin, bucket !== undefined);
  const place = bucket
    ? await bucketFindings(settings, bucket, role)
    : await directoryFindings(settings, location);
  if (place.some(({ id, verdict }) => id === 'reach' && verdict === 'wrong')) return [...machine, ...place];
  const known = { pin, isDirectory: bucket === undefined, role };
  return [...machine, ...place, ...(await vaultFindings(context, known))];
}

async function machineFindings(
  context: Context,
  { configFile }: Settings,
  pin: Pin | undefined,
  remote: boolean,
): Promise<Checked[]> {
  const { signingKeyPath, memory } = await context.world();
  const remembered =
    pin === undefined && (await memory.pinFor(locationOf(await context.settings()))) !== undefined;
  const facts = {
    state: await pathFacts(context.paths.state),
    signingKey: await pathFacts(signingKeyPath),
    configFile: configFile === undefined ? undefined : await pathFacts(configFile),
    pin: pin ? ('settings' as const) : remembered ? ('remembered' as const) : undefined,
    remote,
  };
  return [
    ...(await runChecks(machineChecks, facts)),
    ...(await guardFindings(context)),
    ...(await secretFindings(context)),
  ];
}

async function guardFindings({ paths }: Context): Promise<Checked[]> {
  try {
    return await runChecks(guardChecks, leftBehind(paths.state));
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return [{ id: 'deploys', title: 'guarded deploys', ...unknown(error.message, error.hint) }];
  }
}

/** Files with secrets that the environment names: reading them is what judges their modes. */
async function secretFindings({ secrets }: Context): Promise<Checked[]> {
  const read = async (id: string, title: string, isGiven: boolean, work: () => Promise<unknown>) => {
    if (!isGiven) return [];
    const refusal = await work().then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof StrongroomError) return error;
        throw error;
      },
    );
    return [secretFile(id, title, refusal)];
  };
  return [
    ...(await read('identities', 'age identities', secrets.identitiesGiven, () => secrets.identities())),
    ...(await read('passphrase', 'passphrase', secrets.passphraseGiven, () => secrets.passphrase(''))),
  ];
}

const REACH = { id: 'reach', title: 'place' };

async function bucketFindings(
  { config }: Settings,
  port: BucketPort,
  role: Role | undefined,
): Promise<Checked[]> {
  try {
    await port.reach();
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    return [{ ...REACH, ...wrong(error.message, error.hint ?? 'check the network and the settings') }];
  }
  const { sse, objectLock: lock } = config?.s3 ?? {};
  return [
    { ...REACH, ...ok(`s3://${port.bucket}/${port.prefix} answers`) },
    ...(await runChecks(bucketChecks, { port, sse, lock })),
    ...(await runChecks(roleChecks, { port, role })),
  ];
}

async function directoryFindings({ config }: Settings, location: string): Promise<Checked[]> {
  const vault = await pathFacts(location);
  if (!vault.exists) {
    return [
      {
        ...REACH,
        ...wrong(`there is no ${location}`, 'is its disk mounted? Or make the vault with `strongroom init`'),
      },
    ];
  }
  const roots = await Promise.all([...(config?.sets.values() ?? [])].map(({ root }) => pathFacts(root)));
  return [
    { ...REACH, ...ok(`${location} is there`) },
    ...(await runChecks(directoryChecks, { vault, roots })),
  ];
}
