// How words are quoted in unit files. @see systemd.syntax(7), "Quoting"; systemd.service(5), "Command lines"

/** `%` begins a specifier, quoted or not. */
export function specifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

/** One word of a list, quoted always. */
export function word(text: string): string {
  return `"${specifiers(text).replace(/[\\"]/g, '\\$&')}"`;
}
