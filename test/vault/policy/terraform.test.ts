import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bucketPolicy } from '../../../src/vault/policy/bucket-policy.ts';
import { ROLES, rolePolicy } from '../../../src/vault/policy/roles.ts';
import type { Policy } from '../../../src/vault/policy/statement.ts';
import { policyTerraform, type ResourceName } from '../../../src/vault/policy/terraform.ts';
import { full, plain, ROLE } from './subject.ts';

const name: ResourceName = {
  type: 'aws_iam_policy',
  label: 'strongroom_backup',
  attributes: { name: 'strongroom-backup-acme' },
};

const policies: [string, Policy][] = [
  ...ROLES.flatMap((role): [string, Policy][] => [
    [`${role}, plain`, rolePolicy(role, plain, { sets: ['app'], deleteVersions: false, hold: false })],
    [`${role}, full`, rolePolicy(role, full, { sets: ['app', 'db'], deleteVersions: true, hold: false })],
  ]),
  ['bucket, plain', bucketPolicy(plain, [])],
  ['bucket, full', bucketPolicy(full, [ROLE, `${ROLE}-2`])],
];

// What begins a template in HCL; in JavaScript these are plain texts.
const [A, B] = ['$', '{'];
const odd: Policy = {
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Odd',
      Effect: 'Deny',
      Action: [],
      Resource: [`${A}${B}a}`, '%{b}', `$${A}${B}c}`, '"\\', '$', '%', 'é\u2028'],
      Condition: { StringEquals: { [`a:b${A}${B}c}`]: 'd', plain: ['x', `${A}${B}y}`] } },
    },
  ],
};

describe('a policy for Terraform', () => {
  it('reads like this', () => {
    const policy = rolePolicy(
      'backup',
      { ...plain, prefix: '' },
      { sets: ['app'], deleteVersions: false, hold: false },
    );
    expect(policyTerraform(policy, name)).toMatchInlineSnapshot(`
      "resource "aws_iam_policy" "strongroom_backup" {
        name = "strongroom-backup-acme"
        policy = jsonencode({
          Version = "2012-10-17"
          Statement = [{
            Sid    = "CreateSnapshots"
            Effect = "Allow"
            Action = ["s3:PutObject"]
            Resource = [
              "arn:aws:s3:::acme-backups/data/app/*",
              "arn:aws:s3:::acme-backups/snapshots/app/*",
            ]
            Condition = {
              Null = {
                "s3:if-none-match" = "false"
              }
            }
          }]
        })
      }
      "
    `);
  });

  // Without Terraform: its syntax taken back to JSON by the few rules that the text keeps to.
  it.each(policies)('says what the JSON says: %s', (_, policy) => {
    const text = policyTerraform(policy, name);
    const inner = text.slice(text.indexOf('jsonencode(') + 11, text.lastIndexOf(')'));
    const json = inner
      .replace(
        /^( *)("(?:[^"\\]|\\.)*"|\w+) += /gm,
        (_line, indent, key) => `${indent}${key.startsWith('"') ? key : `"${key}"`}: `,
      )
      // Attributes have no commas between them, elements of lists one behind each.
      .replace(/([^{[,(])\n(?= *["])/g, '$1,\n')
      .replace(/,(\s*[\]}])/g, '$1');
    expect(JSON.parse(json.replaceAll('$${', '${'))).toEqual(policy);
  });

  const hasTerraform = spawnSync('terraform', ['version']).status === 0;
  it.runIf(hasTerraform)('is what Terraform reads and how it would lay it out', () => {
    const directory = mkdtempSync(join(tmpdir(), 'strongroom-terraform-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const all: [string, Policy][] = [...policies, ['odd', odd]];
    const texts = all.map(([, policy], i) => policyTerraform(policy, { ...name, label: `p${i}` }));
    const options = { cwd: directory, encoding: 'utf8' as const };
    writeFileSync(join(directory, 'resources.tf'), texts.join('\n'));
    execFileSync('terraform', ['fmt', '-check', '-diff'], {
      ...options,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    rmSync(join(directory, 'resources.tf'));
    // The provider is not needed to work out an expression.
    const locals = texts.map(
      (text, i) => `  p${i} = ${text.slice(text.indexOf('jsonencode('), text.lastIndexOf('}'))}`,
    );
    writeFileSync(join(directory, 'locals.tf'), `locals {\n${locals.join('\n')}\n}\n`);
    const list = `jsonencode([${all.map((_, i) => `local.p${i}`).join(', ')}])\n`;
    const said = execFileSync('terraform', ['console'], {
      ...options,
      input: list,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const found = JSON.parse(JSON.parse(said)).map((text: string) => JSON.parse(text));
    expect(found).toEqual(all.map(([, policy]) => policy));
  });
});
