// A message for tests, of a run that failed unless told otherwise.

import type { Message } from '../../src/notify/message.ts';

export const RUN = '3f1c2f0a-8a54-4c1e-9a0e-6f1d2f3a4b5c';
/** Stands for a path in the details, which only those get who ask for paths. */
export const PATH = '/srv/shop/certs/marker.pem';

export function messageOf(changes: Partial<Message> = {}): Message {
  return {
    event: 'failure',
    command: 'backup',
    ok: false,
    sets: ['app', 'db'],
    snapshots: ['20261120T055812Z-7k3f9q'],
    host: 'web-1',
    env: 'prod',
    vault: undefined,
    vaultId: '9w6a8wy1bptmg1enqf19wyya51',
    exitCode: 14,
    codes: ['store-unreachable'],
    counts: { files: 12, bytes: 3456 },
    seconds: 1.5,
    run: RUN,
    time: new Date('2026-11-20T05:58:12Z'),
    details: [],
    ...changes,
  };
}

/** A run that went well. */
export const WELL: Partial<Message> = { event: 'success', ok: true, exitCode: 0, codes: [] };
/** A run that begins. */
export const START: Partial<Message> = {
  event: 'start',
  ok: true,
  exitCode: undefined,
  codes: [],
  snapshots: [],
  counts: {},
  seconds: undefined,
};
