// MariaDB and MySQL: one database, as SQL by their own tool. How it is dumped and proven is in mysql-dump.ts, and
// how it is fed back in mysql-load.ts.
import { UsageError } from '../../errors.ts';
import { type Stream, StreamError, type StreamKind } from '../stream.ts';
import { type HeadFacts, noteHead, textAfter } from './head-facts.ts';
import { dumpMysql } from './mysql-dump.ts';
import { loadMysql } from './mysql-load.ts';
import { rehearseMysql } from './mysql-rehearse.ts';
import { serverFields, serverOf } from './mysql-server.ts';
import { lines, timeout, timeoutOf } from './shapes.ts';
import type { ToolOptions } from './tool.ts';

export const mysql: StreamKind = {
  type: 'mysql',
  shape: {
    kind: 'object',
    summary: 'a MariaDB or MySQL database, by mariadb-dump or mysqldump',
    fields: {
      ...serverFields,
      tables: lines('Only these tables'),
      excludeTables: lines('All but these tables'),
      timeout,
    },
  },
  open(name, settings, ground) {
    const tables = (settings.tables ?? []) as readonly string[];
    const excludeTables = (settings.excludeTables ?? []) as readonly string[];
    if (settings.url === undefined && settings.database === undefined) {
      throw new UsageError('bad-setting', `stream ${name} names no database`, {
        object: name,
        hint: 'give it a database or a url',
      });
    }
    const server = serverOf(name, settings, ground);
    const base: ToolOptions = {
      name,
      env: ground.env,
      cwd: ground.root,
      timeout: timeoutOf(settings.timeout),
      package: 'mariadb-client',
    };
    const found: HeadFacts = {};
    return {
      name,
      type: 'mysql',
      get facts() {
        return {
          ...(typeof settings.database === 'string' ? { database: settings.database } : {}),
          format: 'sql',
          ...(tables.length > 0 ? { tables: tables.join(', ') } : {}),
          ...(excludeTables.length > 0 ? { excludeTables: excludeTables.join(', ') } : {}),
          ...found,
        };
      },
      async *dump(options = {}) {
        const at = await server();
        if (at.database === '') {
          throw new StreamError('stream-address', `stream ${name}: its address names no database`, {
            hint: 'it ends in the name: mysql://host/name',
          });
        }
        found.database = at.database;
        const what = { database: at.database, tables, excludeTables };
        yield* noteHead(dumpMysql(at, what, { ...base, ...options }), found, (head) =>
          textAfter(/^-- Server version\s+/m, head),
        );
      },
      async load(dump, options) {
        return await loadMysql(dump, { ...options, server: await server(), run: base });
      },
      async rehearse(dump, options) {
        return await rehearseMysql(dump, { ...options, server: await server(), run: base });
      },
    } satisfies Stream;
  },
};
