// Our table as `nft -s -t list ruleset` tells it, cut into its objects: sets, chains, and what a foreigner may have added.
// Pure. The kernel lists objects in the order in which they were made, so texts are compared object by object.

export interface TableObject {
  /** `set`, `chain`, `map`, `flowtable`…: the word that `delete` takes as well. */
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** Every object of the table; a line that belongs to none (a flag of the table) is an object without a name. */
export function objectsOf(table: string): readonly TableObject[] {
  const objects: TableObject[] = [];
  let open: { kind: string; name: string; lines: string[] } | undefined;
  for (const line of table.split('\n').slice(1)) {
    const head = /^\t([a-z]+(?: [a-z]+)*) (\S+) \{$/.exec(line);
    if (open === undefined && head !== null) open = { kind: head[1]!, name: head[2]!, lines: [line] };
    else if (open !== undefined) open.lines.push(line);
    else if (line !== '' && line !== '}') objects.push({ kind: '', name: '', text: line });
    if (open === undefined || line !== '\t}') continue;
    objects.push({ kind: open.kind, name: open.name, text: open.lines.join('\n') });
    open = undefined;
  }
  return objects;
}

export function sameObjects(found: string, expected: string): boolean {
  const sorted = (table: string) =>
    objectsOf(table)
      .map(({ text }) => text)
      .sort()
      .join('\n');
  return sorted(found) === sorted(expected);
}

/** What has to be deleted before the expected text can be loaded: objects that left it, or are defined differently. */
export function staleObjects(found: string, expected: string): readonly TableObject[] {
  const wanted = new Map(objectsOf(expected).map((object) => [`${object.kind} ${object.name}`, object.text]));
  return objectsOf(found).filter((object) => {
    const text = wanted.get(`${object.kind} ${object.name}`);
    // Rules of a chain are replaced by loading; its hook cannot be changed.
    return text === undefined || definitionOf(object.kind, text) !== definitionOf(object.kind, object.text);
  });
}

function definitionOf(kind: string, text: string): string {
  return kind === 'chain' ? (/^\t\ttype .*$/m.exec(text)?.[0] ?? '') : text;
}
