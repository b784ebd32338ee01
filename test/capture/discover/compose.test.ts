// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of the same form
// What a Compose file refers to, one construct after another: the fixture beside what is found in it. And which files
// are Compose files, and of which project.
import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { discover } from '../../../src/capture/discover/discover.ts';
import type { DiscoverOptions } from '../../../src/capture/discover/reference.ts';
import { type Tree, tree } from '../../pack/tree.ts';
import { found, mentioned } from './compose-case.ts';

const WEB = (fields: string): string => `services:\n  web:\n${fields.replace(/^/gm, '    ')}\n`;

interface Case {
  readonly title: string;
  readonly files: Tree;
  readonly env?: DiscoverOptions['env'];
  readonly outside?: readonly string[];
  readonly references: readonly string[];
  readonly warnings?: readonly string[];
}

const FIELDS: readonly Case[] = [
  {
    title: 'env_file as a text',
    files: { 'compose.yaml': WEB('env_file: ./web.env'), 'web.env': '' },
    references: ['web.env: env_file of web (by compose.yaml)'],
  },
  {
    title: 'env_file as a list, with the long form among it',
    files: {
      'compose.yaml': WEB(
        'env_file:\n  - a.env\n  - path: b.env\n    required: false\n  - path: c.env\n    format: raw\n  - path: d.env\n    required: yes',
      ),
      'c.env': '',
    },
    references: [
      'a.env: env_file of web (by compose.yaml) missing',
      'b.env: env_file of web (by compose.yaml) optional missing',
      'c.env: env_file of web (by compose.yaml)',
      'd.env: env_file of web (by compose.yaml) missing',
    ],
  },
  {
    title: 'env_file that is nothing',
    files: { 'compose.yaml': WEB('env_file:\nlabel_file: ~\nvolumes: null') },
    references: [],
  },
  {
    title: 'label_file, as a text and as a list',
    files: {
      'compose.yaml':
        'services:\n  a: {label_file: a.labels}\n  b:\n    label_file: [./a.labels, ./b.labels]\n',
      'a.labels': '',
    },
    references: [
      'a.labels: label_file of a (by compose.yaml)',
      'a.labels: label_file of b (by compose.yaml)',
      'b.labels: label_file of b (by compose.yaml) missing',
    ],
  },
  {
    title: 'secrets and configs from files, and none that are external, inline or from the environment',
    files: {
      'compose.yaml': `secrets:
  db: {file: ./secrets/db}
  away: {external: true, file: ./x}
  old: {external: {name: x}, file: ./x}
  token: {environment: TOKEN}
configs:
  nginx: {file: nginx/site.conf}
  inline: {content: a}
`,
      'secrets/db': 'x',
    },
    references: [
      'nginx/site.conf: config nginx (by compose.yaml) missing',
      'secrets/db: secret db (by compose.yaml)',
    ],
  },
  {
    title: 'secrets of a build, by what they are at the top',
    files: {
      'compose.yaml': `${WEB('build:\n  context: ./app\n  dockerfile: Other\n  secrets: [npmrc]')}secrets: {npmrc: {file: ./npmrc}}\n`,
      npmrc: '',
    },
    references: ['npmrc: secret npmrc (by compose.yaml)'],
  },
  {
    title: 'SSH keys of a build, and no agent',
    files: {
      'compose.yaml': `services:
  a: {build: {ssh: [default, "deploy=./keys/deploy", "agent=$SSH_AUTH_SOCK"]}}
  b: {build: {ssh: {other: ./keys/other, default: }}}
`,
      'keys/deploy': '',
    },
    references: [
      'keys/deploy: build ssh of a (by compose.yaml)',
      'keys/other: build ssh of b (by compose.yaml) missing',
    ],
  },
  {
    title: 'bind mounts in the short form, and no volumes by name',
    files: {
      'compose.yaml': WEB(
        'volumes:\n  - ./conf:/etc/conf:ro,z\n  - ../up:/up\n  - data:/data\n  - data/sub:/x\n  - /anonymous\n  - /srv/x/certs:/certs\n  - ./one.conf:/one.conf\n  - .:/all',
      ),
      'conf/a': '',
    },
    references: [
      '../up: bind mount of web (by compose.yaml) optional outside',
      '.: bind mount of web (by compose.yaml) optional directory',
      '/srv/x/certs: bind mount of web (by compose.yaml) optional outside',
      'conf: bind mount of web (by compose.yaml) optional directory',
      'one.conf: bind mount of web (by compose.yaml) missing',
    ],
  },
  {
    title: 'bind mounts in the long form: required when Docker may make no directory',
    files: {
      'compose.yaml': WEB(`volumes:
  - {type: bind, source: ./a, target: /a}
  - {type: bind, source: b, target: /b, bind: {create_host_path: false}}
  - {type: volume, source: ./c, target: /c}
  - {type: tmpfs, target: /d}`),
    },
    references: [
      'a: bind mount of web (by compose.yaml) optional missing',
      'b: bind mount of web (by compose.yaml) missing',
    ],
  },
  {
    title: 'no mounts of what is the machine itself, nor of another system',
    files: {
      'compose.yaml': WEB(
        'volumes: ["/var/run/docker.sock:/var/run/docker.sock", "/proc:/host/proc:ro", "/:/host", "/etc/localtime:/etc/localtime:ro", "C:\\\\data:/data", "${SSH_AUTH_SOCK}:/agent", "/srv/ssl:/ssl"]',
      ),
    },
    references: ['/srv/ssl: bind mount of web (by compose.yaml) optional outside'],
  },
  {
    title: 'volumes that are bind mounts by their options',
    files: {
      'compose.yaml': `volumes:
  data: {driver: local, driver_opts: {type: none, o: bind, device: ./data}}
  logs: {driver_opts: {type: none, o: "ro,bind", device: /srv/logs}}
  nfs: {driver_opts: {type: nfs, o: "addr=10.0.0.1,rw", device: ":/x"}}
  other: {driver: flocker, driver_opts: {o: bind, device: ./x}}
  plain:
`,
      'data/x': '',
    },
    references: [
      '/srv/logs: volume logs (by compose.yaml) outside',
      'data: volume data (by compose.yaml) directory',
    ],
  },
  {
    title: 'seccomp profiles, and no words that stand for one',
    files: {
      'compose.yaml': WEB(
        'security_opt: ["seccomp:./a.json", "seccomp=b.json", "seccomp:unconfined", "label:x"]',
      ),
    },
    references: [
      'a.json: seccomp profile of web (by compose.yaml) missing',
      'b.json: seccomp profile of web (by compose.yaml) missing',
    ],
  },
  {
    title: 'a credential_spec that lies here',
    files: {
      'compose.yaml':
        'services:\n  a: {credential_spec: {file: here.json}}\n  b: {credential_spec: {file: "file://gone.json"}}\n',
      'here.json': '',
    },
    references: ['here.json: credential_spec of a (by compose.yaml) optional'],
  },
  {
    title: 'what anchors, merges, extensions and further documents bring',
    files: {
      'compose.yaml': `x-base: &base
  env_file: [base.env]
services:
  a: {<<: *base}
  b:
    <<: [*base]
    env_file: b.env
---
services: {c: {env_file: c.env}}
`,
    },
    references: [
      'b.env: env_file of b (by compose.yaml) missing',
      'base.env: env_file of a (by compose.yaml) missing',
      'c.env: env_file of c (by compose.yaml) missing',
    ],
  },
  {
    title: 'services of profiles that are off, and values with tags',
    files: {
      'compose.yaml': WEB(
        'profiles: [debug]\nenv_file: !override\n  - a.env\nports: !reset []\nvolumes: !reset null',
      ),
    },
    references: ['a.env: env_file of web (by compose.yaml) missing'],
  },
  {
    title: 'the home directory',
    files: {
      'compose.yaml': WEB('volumes: ["~/.aws:/root/.aws"]'),
      '.env': 'HOME=/home/wrong\n',
    },
    env: { HOME: '/home/me' },
    references: ['/home/me/.aws: bind mount of web (by compose.yaml) optional outside'],
  },
  {
    title: 'no home directory where none is known',
    files: { 'compose.yaml': WEB('volumes: ["~/.aws:/root/.aws"]') },
    references: [],
    warnings: ['compose.yaml has a path in the home directory, and HOME is not set'],
  },
  {
    title: 'variables of the environment, before those of .env',
    files: {
      'a/x': '',
      'ba.env': '',
      'm/x': '',
      'compose.yaml': WEB(
        'env_file: ["$A/x", "${B}.env", "${C:-./c}.env"]\nvolumes: ["${D:-./d}:/d", "${MOUNT}", "${NAMED}:/x", "./e:${TARGET}"]',
      ),
      '.env': "A=wrong\nB=b$A\nMOUNT='./m:/m'\nNAMED=data\n",
    },
    env: { A: 'a' },
    references: [
      'a/x: env_file of web (by compose.yaml)',
      'ba.env: env_file of web (by compose.yaml)',
      'c.env: env_file of web (by compose.yaml) missing',
      'd: bind mount of web (by compose.yaml) optional missing',
      'e: bind mount of web (by compose.yaml) optional missing',
      'm: bind mount of web (by compose.yaml) optional directory',
    ],
  },
  {
    title: 'variables in .env but for single quotes',
    files: {
      '$A/c': '',
      'a/b': '',
      'compose.yaml': WEB('env_file: ["$B", "$C"]'),
      '.env': `A=a\nB="$A/b"\nC='$A/c'\n`,
    },
    references: ['$A/c: env_file of web (by compose.yaml)', 'a/b: env_file of web (by compose.yaml)'],
  },
  {
    title: 'variables that Compose sets',
    files: {
      'compose.yaml': `name: My-Shop\n${WEB('volumes: ["$PWD/a:/a", "./${COMPOSE_PROJECT_NAME}:/b"]')}`,
    },
    env: { PWD: '/srv/elsewhere' },
    references: [
      'a: bind mount of web (by compose.yaml) optional missing',
      'my-shop: bind mount of web (by compose.yaml) optional missing',
    ],
  },
  {
    title: 'no path with a variable that is not set',
    files: { 'compose.yaml': WEB('env_file: ["$GONE/x", "${GONE:?set it}", "${ALSO?}"]') },
    references: [],
    warnings: [
      'compose.yaml has a path with the variable ALSO, which is not set',
      'compose.yaml has a path with the variable GONE, which is not set',
    ],
  },
  {
    title: 'the variable itself where its value leads to nothing that is known, as that may be no path',
    files: {
      'compose.yaml': `name: $CREDS\n${WEB(
        'env_file: ["./${CREDS}", "/${CREDS:-/x}", "${A}.env", {path: "~/$CREDS"}]\nvolumes: ["../$CREDS/./b:/b", "./${MOUNT}", "./${COMPOSE_PROJECT_NAME}/x:/x"]',
      )}`,
      'include.yaml': `include:
  - {path: "./$CREDS/x.yaml", env_file: "$CREDS"}
  - {path: a.yaml, project_directory: "$CREDS"}
services: {web: {extends: {file: "$CREDS.yaml", service: x}}}
`,
      'a.yaml': WEB('env_file: b'),
      '.env': 'A=$CREDS\nMOUNT="./$CREDS:/m"\nCOMPOSE_FILE=compose.yaml:include.yaml:$CREDS/y.yaml\n',
    },
    env: { CREDS: 'Tr0ub4dor', HOME: '/home/me' },
    references: [
      '${A}.env: env_file of web (by compose.yaml) missing',
      '${COMPOSE_PROJECT_NAME}/x: bind mount of web (by compose.yaml) optional missing',
      '${CREDS}.yaml: extends of web (by include.yaml) missing',
      '${CREDS}/x.yaml: include (by include.yaml) missing',
      '${CREDS}: env_file of include (by include.yaml) missing',
      '${CREDS}: env_file of web (by compose.yaml) missing',
      '${MOUNT}: bind mount of web (by compose.yaml) optional missing',
      '../${CREDS}/b: bind mount of web (by compose.yaml) optional outside',
      '../../${CREDS}: env_file of web (by compose.yaml) outside',
      '/home/me/${CREDS}: env_file of web (by compose.yaml) outside',
      'a.yaml: include (by include.yaml)',
    ],
    warnings: ['include.yaml has a project_directory with a variable that leads to nothing'],
  },
  {
    title: 'no path with a secret in it',
    files: {
      'compose.yaml': WEB(
        'env_file: ["$DB_PASSWORD", "x/$DIRECT", "$PLAIN", "${API_TOKEN:-hunter2}", "${TLS_KEY:-./tls.key}"]',
      ),
      '.env': 'DB_PASSWORD=hunter3\nDIRECT=$DB_PASSWORD\nPLAIN=ghp_0123456789abcdefghij\n',
    },
    references: ['tls.key: env_file of web (by compose.yaml) missing'],
    warnings: [
      'compose.yaml has a path with the variable API_TOKEN, which looks secret: it was not followed',
      'compose.yaml has a path with the variable DB_PASSWORD, which looks secret: it was not followed',
      'compose.yaml has a path with the variable PLAIN, which looks secret: it was not followed',
    ],
  },
  {
    title: 'fields of another form than they should have',
    files: {
      'compose.yaml': `services:
  a: {env_file: {required: true}}
  b: {env_file: [[x]], volumes: {x: y}, build: [ssh], extends: [a]}
  c: text
  d: [e]
secrets: {s: {file: [x]}, t: text}
configs: [x]
volumes: {v: {driver_opts: [x]}}
include: {a: b}
`,
    },
    references: [],
    warnings: [
      'compose.yaml has no path where one should be: env_file of a',
      'compose.yaml has no path where one should be: env_file of b',
      'compose.yaml has no path where one should be: secret s',
    ],
  },
];

describe('a Compose file refers to', () => {
  it.each(FIELDS)('$title', async ({ files, env, outside, references, warnings = [] }) => {
    const result = await found(files, { ...(env ? { env } : {}), ...(outside ? { outside } : {}) });
    expect({ references: mentioned(result.references), warnings: result.warnings }).toEqual({
      references,
      warnings,
    });
  });
});

describe('what lies outside', () => {
  const files: Tree = {
    'app/compose.yaml': WEB(
      'env_file: ../shared/web.env\nextends: {file: ../shared/base.yaml, service: base}',
    ),
    'shared/web.env': '',
    'shared/base.yaml': 'services: {base: {env_file: base.env}}',
  };

  it('is named, and not looked into', async () => {
    expect(mentioned((await found(files, {}, 'app')).references)).toEqual([
      '../shared/base.yaml: extends of web (by compose.yaml) outside',
      '../shared/web.env: env_file of web (by compose.yaml) outside',
    ]);
  });

  it('is followed where the set allows it', async () => {
    expect(mentioned((await found(files, { outside: ['../shared/**'] }, 'app')).references)).toEqual([
      '../shared/base.env: env_file of base (by ../shared/base.yaml) missing',
      '../shared/base.yaml: extends of web (by compose.yaml)',
      '../shared/web.env: env_file of web (by compose.yaml)',
    ]);
  });
});

const CHAINS: readonly Case[] = [
  {
    title: 'extends a service of another file: that service alone, its paths from where that file lies',
    files: {
      'compose.yaml': WEB('extends: {file: common/base.yaml, service: app}'),
      'common/base.yaml':
        'include: [gone.yaml]\nservices:\n  app: {extends: root, env_file: app.env}\n  root: {extends: {file: deeper/root.yaml, service: r}, volumes: ["./r:/r"]}\n  other: {env_file: other.env}\nsecrets: {s: {file: s}}\n',
      'common/deeper/root.yaml': 'services: {r: {label_file: r.labels}}',
    },
    references: [
      'common/app.env: env_file of app (by common/base.yaml) missing',
      'common/base.yaml: extends of web (by compose.yaml)',
      'common/deeper/r.labels: label_file of r (by common/deeper/root.yaml) missing',
      'common/deeper/root.yaml: extends of root (by common/base.yaml)',
      'common/r: bind mount of root (by common/base.yaml) optional missing',
    ],
  },
  {
    title: 'extends a service of its own file, or of none',
    files: {
      'compose.yaml':
        'services:\n  a: {extends: b}\n  b: {extends: {service: a}, env_file: b.env}\n  c: {extends: {file: gone.yaml, service: c}}\n  d: {extends: {file: compose.yaml}}\n',
    },
    references: [
      'b.env: env_file of b (by compose.yaml) missing',
      'gone.yaml: extends of c (by compose.yaml) missing',
    ],
  },
  {
    title: 'services that extend each other, in two files',
    files: {
      'compose.yaml': WEB('extends: {file: x.yaml, service: x}'),
      'x.yaml': 'services: {x: {extends: {file: compose.yaml, service: web}, env_file: x.env}}',
    },
    references: [
      'compose.yaml: extends of x (by x.yaml)',
      'x.env: env_file of x (by x.yaml) missing',
      'x.yaml: extends of web (by compose.yaml)',
    ],
  },
  {
    title:
      'include in the short form: a project of its own, with variables that it does not have before those it has',
    files: {
      'sub/inner.env': '',
      'sub/outer.env': '',
      'compose.yaml': 'include:\n  - sub/stack.yaml\n',
      '.env': 'A=outer\n',
      'sub/.env': 'A=inner\nB=inner\n',
      'sub/stack.yaml': WEB('env_file: ["$A.env", "$B.env"]'),
    },
    references: [
      'sub/inner.env: env_file of web (by sub/stack.yaml)',
      'sub/outer.env: env_file of web (by sub/stack.yaml)',
      'sub/stack.yaml: include (by compose.yaml)',
    ],
  },
  {
    title: 'include in the long form, recursively',
    files: {
      'other/two-one': '',
      'other/two': '',
      'compose.yaml': `include:
  - path: [sub/a.yaml, ./b.yaml]
    project_directory: other
    env_file: [one.env, two.env, /dev/null]
`,
      'one.env': 'X=one\nY=one\n',
      'two.env': 'X=two\n',
      'b.yaml': WEB('env_file: "$X-$Y"'),
      'sub/a.yaml': 'include: [c.yaml]\n',
      'other/c.yaml': 'secrets: {c: {file: $X}}',
    },
    references: [
      'b.yaml: include (by compose.yaml)',
      'one.env: env_file of include (by compose.yaml)',
      'other/c.yaml: include (by sub/a.yaml)',
      'other/two-one: env_file of web (by b.yaml)',
      'other/two: secret c (by other/c.yaml)',
      'sub/a.yaml: include (by compose.yaml)',
      'two.env: env_file of include (by compose.yaml)',
    ],
  },
  {
    title: 'include of what is in a project directory below, which is not looked at alone then',
    files: {
      'compose.yaml': 'include: [{path: sub/compose.yaml, project_directory: .}]',
      '.env': 'A=a\n',
      'sub/compose.yaml': WEB('env_file: $A'),
      'sub/compose.override.yaml': WEB('env_file: override.env'),
      'sub/compose.prod.yaml': WEB('env_file: prod.env'),
      a: '',
    },
    references: [
      'a: env_file of web (by sub/compose.yaml)',
      'sub/compose.yaml: include (by compose.yaml)',
      'sub/override.env: env_file of web (by sub/compose.override.yaml) optional missing',
      'sub/prod.env: env_file of web (by sub/compose.prod.yaml) optional missing',
    ],
  },
  {
    title: 'includes in a circle',
    files: {
      'compose.yaml': 'include: [a/compose.yaml]',
      'a/compose.yaml': 'include: [../compose.yaml]\nconfigs: {x: {file: x}}',
    },
    references: [
      'a/compose.yaml: include (by compose.yaml)',
      'a/x: config x (by a/compose.yaml) missing',
      'compose.yaml: include (by a/compose.yaml)',
    ],
    warnings: [
      'a/compose.yaml leads back to itself by include or extends',
      'compose.yaml leads back to itself by include or extends',
    ],
  },
  {
    title: 'what is elsewhere: the host is named, and no more of the address',
    files: {
      'compose.yaml': `include:
  - oci://registry.example.org/acme/base:1
  - https://user:hunter2@git.example.org/acme/base.git
  - git@github.com:acme/base.git
  - \${BASE}
services: {web: {extends: {file: "https://token@github.com/a.git", service: x}}}
`,
      '.env': 'BASE=https://x.example.org/acme.git\n',
    },
    references: [],
    warnings: [
      'compose.yaml names what is not on this machine (git.example.org): include',
      'compose.yaml names what is not on this machine (github.com): extends of web',
      'compose.yaml names what is not on this machine (github.com): include',
      'compose.yaml names what is not on this machine (registry.example.org): include',
      'compose.yaml names what is not on this machine: include',
    ],
  },
];

describe('a Compose file leads to', () => {
  it.each(CHAINS)('$title', async ({ files, references, warnings = [] }) => {
    const result = await found(files);
    expect({ references: mentioned(result.references), warnings: result.warnings }).toEqual({
      references,
      warnings,
    });
  });
});

const EMPTY = 'services: {}\n';

const PROJECTS: readonly Case[] = [
  {
    title:
      'the first of the usual names with the first that overrides, and others beside it that may be used',
    files: {
      'compose.yaml': EMPTY,
      'compose.override.yaml': EMPTY,
      'docker-compose.yml': EMPTY,
      'compose.prod.yml': WEB('env_file: prod.env'),
      'docker-compose-test.yaml': EMPTY,
      'compose.yaml.bak': EMPTY,
      'my-compose.yaml': EMPTY,
      '.env': '',
    },
    references: [
      '.env: .env of the project (by compose.yaml) optional',
      'compose.override.yaml: compose file',
      'compose.prod.yml: compose file optional',
      'compose.yaml: compose file',
      'docker-compose-test.yaml: compose file optional',
      'docker-compose.yml: compose file optional',
      'prod.env: env_file of web (by compose.prod.yml) optional missing',
    ],
  },
  {
    title: 'each directory by itself, with an .env of its own',
    files: {
      'a/a.env': '',
      'a/docker-compose.yml': WEB('env_file: $X'),
      'a/.env': 'X=a.env\n',
      'b/c/compose.yml': EMPTY,
    },
    references: [
      'a/.env: .env of the project (by a/docker-compose.yml) optional',
      'a/a.env: env_file of web (by a/docker-compose.yml)',
      'a/docker-compose.yml: compose file',
      'b/c/.env: .env of the project (by b/c/compose.yml) optional missing',
      'b/c/compose.yml: compose file',
    ],
  },
  {
    title: 'a single file of another name',
    files: { 'docker-compose.prod.yml': EMPTY },
    references: [
      '.env: .env of the project (by docker-compose.prod.yml) optional missing',
      'docker-compose.prod.yml: compose file',
    ],
  },
  {
    title: 'COMPOSE_FILE of the environment, at the root alone; paths start at the first of them',
    files: {
      'deploy/x': '',
      'compose.yaml': EMPTY,
      'deploy/a.yaml': WEB('env_file: $X'),
      'b.yaml': WEB('volumes: ["./b:/b"]'),
      'deploy/.env': 'X=x\nCOMPOSE_FILE=wrong.yaml',
      '.env': 'COMPOSE_FILE=wrong.yaml\n',
      'sub/compose.yaml': EMPTY,
    },
    env: { COMPOSE_FILE: 'deploy/a.yaml:b.yaml:gone.yaml' },
    references: [
      '.env: .env of the project (by deploy/a.yaml) optional',
      'b.yaml: compose file',
      'compose.yaml: compose file optional',
      'deploy/.env: .env of the project (by deploy/a.yaml) optional',
      'deploy/a.yaml: compose file',
      'deploy/b: bind mount of web (by b.yaml) optional missing',
      'deploy/x: env_file of web (by deploy/a.yaml)',
      'gone.yaml: compose file missing',
      'sub/.env: .env of the project (by sub/compose.yaml) optional missing',
      'sub/compose.yaml: compose file',
    ],
  },
  {
    title: 'COMPOSE_FILE of .env, with a separator of its own',
    files: {
      '.env': 'STAGE=prod\nCOMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=compose.yaml,compose.$STAGE.yaml\n',
      'compose.yaml': EMPTY,
      'compose.prod.yaml': WEB('env_file: prod.env'),
      'compose.dev.yaml': EMPTY,
    },
    references: [
      '.env: .env of the project (by compose.yaml) optional',
      'compose.dev.yaml: compose file optional',
      'compose.prod.yaml: compose file',
      'compose.yaml: compose file',
      'prod.env: env_file of web (by compose.prod.yaml) missing',
    ],
  },
  {
    title: 'a file of another directory that COMPOSE_FILE names, which is not looked at alone then',
    files: {
      'deploy/x': '',
      '.env': 'COMPOSE_FILE=deploy/compose.yaml\nX=x\n',
      'deploy/compose.yaml': WEB('env_file: $X'),
    },
    references: [
      '.env: .env of the project (by deploy/compose.yaml) optional',
      'deploy/.env: .env of the project (by deploy/compose.yaml) optional missing',
      'deploy/compose.yaml: compose file',
      'deploy/x: env_file of web (by deploy/compose.yaml)',
    ],
  },
  {
    title: 'COMPOSE_ENV_FILES instead of .env',
    files: { b: '', 'compose.yaml': WEB('env_file: $X'), '.env': 'X=wrong', 'a.env': 'X=a', 'b.env': 'X=b' },
    env: { COMPOSE_ENV_FILES: 'a.env, b.env,gone.env' },
    references: [
      'a.env: env file of the project (by compose.yaml)',
      'b.env: env file of the project (by compose.yaml)',
      'b: env_file of web (by compose.yaml)',
      'compose.yaml: compose file',
      'gone.env: env file of the project (by compose.yaml) missing',
    ],
  },
  {
    title: 'no .env where it is turned off',
    files: { 'compose.yaml': WEB('env_file: ${X:-y}'), '.env': 'X=wrong' },
    env: { COMPOSE_DISABLE_ENV_FILE: 'true' },
    references: ['compose.yaml: compose file', 'y: env_file of web (by compose.yaml) missing'],
  },
  {
    title: 'a link at the root',
    files: { 'compose.yaml': { link: 'shared/stack.yaml' }, 'shared/stack.yaml': WEB('env_file: x') },
    references: [
      '.env: .env of the project (by compose.yaml) optional missing',
      'compose.yaml: compose file',
      'x: env_file of web (by compose.yaml) missing',
    ],
  },
  {
    title: 'broken files, and those beside them',
    files: {
      'compose.yaml': 'services:\n  {{- range .Values.x }}\n  a: [\n',
      'a/compose.yaml': '- a\n- b\n',
      'b/compose.yaml': '',
      'c/compose.yaml': 'services: [web]\n',
      'd/compose.yaml': WEB('env_file: d.env'),
      'd/.env': 'hunter2 is no variable\n',
    },
    references: [
      '.env: .env of the project (by compose.yaml) optional missing',
      'a/.env: .env of the project (by a/compose.yaml) optional missing',
      'a/compose.yaml: compose file',
      'b/.env: .env of the project (by b/compose.yaml) optional missing',
      'b/compose.yaml: compose file',
      'c/.env: .env of the project (by c/compose.yaml) optional missing',
      'c/compose.yaml: compose file',
      'compose.yaml: compose file',
      'd/.env: .env of the project (by d/compose.yaml) optional',
      'd/compose.yaml: compose file',
      'd/d.env: env_file of web (by d/compose.yaml) missing',
    ],
    warnings: [
      'a/compose.yaml is no Compose file',
      'b/compose.yaml is no Compose file',
      'c/compose.yaml has services that are no mapping',
      'compose.yaml is no sound YAML',
      'd/.env has lines that name no value',
    ],
  },
];

describe('the files of a project are', () => {
  it.each(PROJECTS)('$title', async ({ files, env, references, warnings = [] }) => {
    const result = await found(files, env ? { env } : {});
    expect({ references: result.references, warnings: result.warnings }).toEqual({ references, warnings });
  });

  it('not those that the set leaves out', async () => {
    const files = { 'compose.yaml': WEB('env_file: a.env'), 'old/compose.yaml': EMPTY };
    expect((await found(files, { exclude: ['compose.yaml', 'old'] })).references).toEqual([]);
  });
});

describe('a bind mount of what looks like a file', () => {
  const mounts = (...sources: string[]) =>
    WEB(`volumes: [${sources.map((source) => JSON.stringify(`${source}:/x`)).join(', ')}]`);

  it('is required where it is gone, or beyond the root, as Docker would make a directory of it', async () => {
    const names = ['./site.conf', './tls.key', '/srv/secure/tls.pem', '/srv/a.b/my-app.json5'];
    const { references } = await found({
      'compose.yaml': mounts(...names),
      'b/compose.yaml': WEB('volumes: [{type: bind, source: ./long.toml, target: /x}]'),
    });
    expect(references.filter((line) => line.includes('bind mount'))).toEqual([
      '/srv/a.b/my-app.json5: bind mount of web (by compose.yaml) outside',
      '/srv/secure/tls.pem: bind mount of web (by compose.yaml) outside',
      'b/long.toml: bind mount of web (by b/compose.yaml) missing',
      'site.conf: bind mount of web (by compose.yaml) missing',
      'tls.key: bind mount of web (by compose.yaml) missing',
    ]);
  });

  it.each([
    './conf.d',
    './.aws',
    './data',
    './app-1.25',
    './a.conf/sub',
    '/srv/php.sock',
    './access.log',
    '/srv/repo.git',
  ])('is not %s', async (name) => {
    const { references } = await found({ 'compose.yaml': mounts(name) });
    expect(references.find((line) => line.includes('bind mount'))).toMatch(/ optional (?:missing|outside)$/);
  });

  it('is no machine’s own', async () => {
    const files = {
      'compose.yaml': mounts('/etc/resolv.conf', '/run/x/y.conf', '/etc/ssl/certs/ca-certificates.crt'),
    };
    expect((await found(files)).references.filter((line) => line.includes('bind mount'))).toEqual([]);
  });

  it('may be a directory after all', async () => {
    const { references } = await found({ 'compose.yaml': mounts('./example.com'), 'example.com/a': '' });
    expect(references).toContain('example.com: bind mount of web (by compose.yaml) optional directory');
  });
});

it('what only a variant requires is known to be so', async () => {
  const root = tree({
    'compose.yaml': EMPTY,
    'compose.prod.yaml': WEB('env_file: [prod.env, {path: maybe.env, required: false}]'),
  });
  const { references } = await discover({ root, kinds: ['compose'] });
  const gone = references.filter(({ state }) => state === 'missing');
  expect(
    gone.map(({ path, required, requiredIfLoaded = false }) => [
      relative(root, path),
      required,
      requiredIfLoaded,
    ]),
  ).toEqual([
    ['.env', false, false],
    ['maybe.env', false, false],
    ['prod.env', false, true],
  ]);
});
