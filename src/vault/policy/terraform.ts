// A policy as text: JSON, or a Terraform resource laid out as `terraform fmt` has it. Knows nothing of IAM.
import type { Policy } from './statement.ts';

type Value = string | readonly Value[] | { readonly [key: string]: Value };

/** As a console or `aws iam` takes it. */
export function policyJson(policy: Policy): string {
  return `${JSON.stringify(policy, null, 2)}\n`;
}

export interface ResourceName {
  /** `aws_iam_policy`, `aws_s3_bucket_policy`. */
  readonly type: string;
  /** Terraform's own name for it: letters, digits, underscores. */
  readonly label: string;
  /** Attributes before `policy`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The same policy as a Terraform resource. */
export function policyTerraform(policy: Policy, { type, label, attributes }: ResourceName): string {
  const body = items(attributes, '  ', {
    policy: `jsonencode(${expression(policy as unknown as Value, '  ')})`,
  });
  return `resource "${type}" "${label}" {\n${body}\n}\n`;
}

function expression(value: Value, indent: string): string {
  if (typeof value === 'string') return quoted(value);
  const deeper = `${indent}  `;
  if (isList(value)) {
    const [only, ...others] = value;
    if (others.length === 0) return only === undefined ? '[]' : `[${expression(only, indent)}]`;
    return `[\n${value.map((item) => `${deeper}${expression(item, deeper)},\n`).join('')}${indent}]`;
  }
  return `{\n${items(value, deeper)}\n${indent}}`;
}

/** Lines `name = value`; equals signs of neighbours that take one line each stand under each other. */
function items(
  value: { readonly [key: string]: Value },
  indent: string,
  raw: Readonly<Record<string, string>> = {},
): string {
  const rows = Object.entries(value).map(([key, item]) => [nameOf(key), expression(item, indent)] as const);
  const all = [...rows, ...Object.entries(raw)];
  const isLong = (i: number): boolean => all[i]?.[1].includes('\n') ?? true;
  return all
    .map(([name, text], i) => {
      if (isLong(i)) return `${indent}${name} = ${text}`;
      let [from, to] = [i, i];
      while (!isLong(from - 1)) from--;
      while (!isLong(to + 1)) to++;
      const width = Math.max(...all.slice(from, to + 1).map(([n]) => n.length));
      return `${indent}${name.padEnd(width)} = ${text}`;
    })
    .join('\n');
}

function nameOf(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : quoted(key);
}

// HCL reads JSON's escapes as they are, but ${ and %{ would begin a template.
function quoted(text: string): string {
  return JSON.stringify(text).replace(/([$%])\{/g, '$1$1{');
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
