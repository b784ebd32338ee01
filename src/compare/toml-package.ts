// The part of the TOML library in use, under a name: a bundle cannot load a CommonJS package lazily by itself.
export { parse, TomlDate } from 'smol-toml';
