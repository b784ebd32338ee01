// Which paths of a kustomization lead to another machine. As kustomize tells (api/internal/git/repospec.go).

const URL = /^(?:[a-z0-9]+::)?(?:https?|ssh|git|file|oci|s3|gs):\/\//i;
/** `git@example.com:shop/base.git`, and `github.com/shop/base` without anything. */
const WITHOUT_SCHEME = /^(?:[a-z0-9]+::)?(?:[a-z][a-z0-9-]*@[^/]+[:/]|github\.com[:/])/i;

/** Whether a path of a kustomization is that of a repository, or of a file on the web. */
export function isRemote(path: string): boolean {
  return URL.test(path) || WITHOUT_SCHEME.test(path) || /^git::/i.test(path);
}
