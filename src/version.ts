// The version of this package, as its manifest says. The build writes it into the bundle.

import manifest from '../package.json' with { type: 'json' };

export const version: string = manifest.version;

/** As stored documents name their writer. */
export const TOOL = `strongroom ${version}`;
