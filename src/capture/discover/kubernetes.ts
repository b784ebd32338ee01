// Kubernetes manifests by what they hold, kubeconfigs among them, and the paths of the host that they name.
import { posix } from 'node:path';
import { branchOf, objectOf, type Tree, textOf } from '../../compare/tree.ts';
import { documentsFrom, documentsOf } from './documents.ts';
import { type Discover, type Ground, MAX_TEXT_BYTES } from './ground.ts';

const NAME = /\.(?:ya?ml|json|kubeconfig)$|(?:^|\/)(?:kubeconfig[^/]*|\.kube\/config)$/i;
/** Cheap, and true of every manifest: only then is it parsed. In the JSON way of writing too. */
const TELLS = [
  /(?:^|["'{,\ufeff])[ \t]*apiVersion["']?[ \t]*:/m,
  /(?:^|["'{,\ufeff])[ \t]*kind["']?[ \t]*:/m,
];
const LOOKED_AT = 64 * 1024;
/** Written for kustomize, and found as such. */
const KUSTOMIZE = /^kustomize\.config\.k8s\.io\//;

/** As they are written mostly, each on a line of its own. */
const PLAIN = [/^apiVersion:[ \t]*["']?[a-z]/m, /^kind:[ \t]*["']?[A-Z]/m];
/** Without one of these, a manifest names nothing of the host. */
const NAMES = /hostPath|\blocal\b|\{\{|^kind:.*(?:List|Config)\b|^apiVersion:.*kustomize/m;
/** Parsing takes a millisecond for each 2 KiB: so much is parsed to say which files are broken, and no more. */
const MAX_CHECKED = 256 * 1024;

/** Of an object, to look at it. */
const STEPS_A_BRANCH = 10;

/** Finds manifests below the root. */
export const discoverKubernetes: Discover = async (ground) => {
  const files = new Set(ground.files());
  let checked = 0;
  for (const path of files) {
    if (!NAME.test(path) || !(await mayBeManifest(ground, path))) continue;
    const chart = chartOf(path, files);
    if (chart !== undefined) {
      ground.refer({ path, as: 'helm template', by: undefined, required: true });
      ground.warn(chart, 'unread', 'is a Helm chart, whose templates are not looked into');
      continue;
    }
    const text = (await ground.text(path)) ?? '';
    if (text.length <= LOOKED_AT) checked += text.length;
    const isChecked = text.length <= LOOKED_AT && checked <= MAX_CHECKED;
    await ground.breathe();
    refer(ground, path, isChecked ? await documentsOf(ground, path) : await objectsOf(ground, path, text));
  }
};

/**
 * What a manifest may refer to something with, document by document: bundles of many are larger than a parser likes.
 * (No line of a document begins with three dashes, whatever it is in: YAML 1.2.2, 9.1.2.)
 */
async function objectsOf(ground: Ground, path: string, text: string): Promise<Tree[] | undefined> {
  const documents = text.split(/^(?=---(?:\s|$))/m).filter(tells);
  const objects: Tree[] = [];
  for (const document of documents) {
    const isPlain = PLAIN.every((pattern) => pattern.test(document)) && !NAMES.test(document);
    const trees = isPlain ? [SOME_OBJECT] : await documentsFrom(ground, path, document);
    if (trees === undefined) return undefined;
    objects.push(...trees);
  }
  return documents.length === 0 ? undefined : objects;
}

/** Stands for one that need not be parsed. */
const SOME_OBJECT: Tree = {
  entries: [
    ['apiVersion', 'v1'],
    ['kind', 'Object'],
  ],
};

/** The directory of the Helm chart that a file is a template of. */
function chartOf(path: string, files: ReadonlySet<string>): string | undefined {
  const cut = path.lastIndexOf('/templates/');
  const chart = path.slice(0, Math.max(cut, 0));
  return cut >= 0 && files.has(`${chart}/Chart.yaml`) ? chart : undefined;
}

async function mayBeManifest(ground: Ground, path: string): Promise<boolean> {
  const head = ground.head(path, LOOKED_AT);
  if (head === undefined) return false;
  const begins = tells(head.bytes.toString('utf8'));
  if (begins || head.size <= head.bytes.length) return begins;
  // What is larger is data, unless it begins as a manifest.
  return head.size <= MAX_TEXT_BYTES && tells((await ground.text(path)) ?? '');
}

const tells = (text: string): boolean => TELLS.every((pattern) => pattern.test(text));

function refer(ground: Ground, path: string, documents: readonly Tree[] | undefined): void {
  if (documents === undefined) {
    ground.refer({ path, as: 'manifest that was not understood', by: undefined, required: true });
    return;
  }
  const objects = documents
    .flatMap(itemsOf)
    .filter((tree) => objectOf(tree) !== undefined && !KUSTOMIZE.test(textOf(tree, 'apiVersion') ?? ''));
  if (objects.length === 0) return;
  const isKubeconfig = objects.some(isOfConfig);
  ground.refer({ path, as: isKubeconfig ? 'kubeconfig' : 'manifest', by: undefined, required: true });
  // Objects of a list may be one and the same.
  for (const object of new Set(objects)) {
    if (isOfConfig(object)) referToCredentials(ground, path, object);
    else referToHost(ground, path, object);
  }
}

/** The objects of a `List`. */
function itemsOf(document: Tree): readonly Tree[] {
  const items = branchOf(document, 'items');
  if (!textOf(document, 'kind')?.endsWith('List') || items === undefined || typeof items === 'string')
    return [document];
  return 'items' in items ? items.items : [];
}

const isOfConfig = (object: Tree): boolean =>
  textOf(object, 'kind') === 'Config' &&
  branchOf(object, 'clusters') !== undefined &&
  branchOf(object, 'users') !== undefined;

/** Paths start where the kubeconfig is (client-go, ResolveLocalPaths). */
function referToCredentials(ground: Ground, by: string, config: Tree): void {
  const refer = (list: string, entry: string, keys: readonly string[]): void => {
    const items = branchOf(config, list) ?? '';
    if (typeof items === 'string' || !('items' in items)) return;
    for (const item of items.items) {
      for (const key of keys) {
        const path = textOf(branchOf(item, entry) ?? '', key);
        if (path === undefined || path === '' || path.includes('\n')) continue;
        const absolute = posix.resolve(posix.dirname(by), path);
        ground.refer({ path: absolute, as: `${key} of kubeconfig`, by, required: true });
      }
    }
  };
  refer('clusters', 'cluster', ['certificate-authority']);
  refer('users', 'user', ['client-certificate', 'client-key', 'tokenFile']);
}

/** Every `hostPath` and `local` volume, wherever it stands: pods are in many kinds of object. */
function referToHost(ground: Ground, by: string, object: Tree): void {
  const as = `hostPath of ${objectOf(object)?.title}`;
  // Branches may be shared: each is looked at once.
  const seen = new Set<Tree>();
  const pending: Tree[] = [object];
  for (let tree = pending.pop(); tree !== undefined; tree = pending.pop()) {
    if (typeof tree === 'string' || seen.has(tree)) continue;
    seen.add(tree);
    if (!ground.affords(by, STEPS_A_BRANCH)) return;
    if ('items' in tree) {
      pending.push(...tree.items);
      continue;
    }
    for (const [key, value] of tree.entries) {
      const path = key === 'hostPath' || key === 'local' ? textOf(value, 'path') : undefined;
      if (path?.startsWith('/') && !path.includes('\n')) ground.refer({ path, as, by, required: false });
      pending.push(value);
    }
  }
}
