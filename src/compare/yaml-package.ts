// The parts of the YAML library in use, under names: a bundle cannot load a CommonJS package lazily by itself.
export { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
