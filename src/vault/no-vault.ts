// Where no vault is: what may be done about it depends on whether one stood there.
import { NotFoundError } from '../errors.ts';

/** @param wasThere whether a pin says so: a new vault in its place would be another one */
export function noVault(location: string, wasThere = false): NotFoundError {
  return new NotFoundError('no-vault', `there is no vault at ${location}`, {
    object: location,
    hint: wasThere
      ? `the vault that is pinned stood there: mount that place, or bring it back from a replica or another copy: \`strongroom copy --location COPY --to ${location} --anew\``
      : 'check the location, or make a vault there with `strongroom init`',
  });
}
