// Templates of one exporter, per observation domain (RFC 7011 §3.4, §8): added, replaced, withdrawn. Bounded: an exporter has a
// handful; one that goes beyond the limits loses the oldest, and its records then count as lost.
export const VARIABLE = 0xffff;

export interface Field {
  readonly element: number;
  readonly length: number;
  readonly isEnterprise: boolean;
}

export interface Template {
  readonly fields: readonly Field[];
  /** No record of it is shorter: at least 1, so that reading ends. */
  readonly leastOctets: number;
  readonly isOptions: boolean;
}

const [MAX_TEMPLATES, MAX_FIELDS] = [1_000, 300];

export class Templates {
  /** `domain/id`, in the order of their arrival. */
  readonly #known = new Map<string, Template>();

  get size(): number {
    return this.#known.size;
  }

  of(domain: number, id: number): Template | undefined {
    return this.#known.get(`${domain}/${id}`);
  }

  /** The body of a (options) template set; false: it is no such thing. */
  take(domain: number, body: Uint8Array, isOptions: boolean): boolean {
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    for (let at = 0; body.length - at >= 4; ) {
      const [id, count] = [view.getUint16(at), view.getUint16(at + 2)];
      if (id === 0 && count === 0) return true; // padding
      at += 4;
      if (count === 0) {
        this.#withdraw(domain, id, isOptions);
        continue;
      }
      if (id < 256 || count > MAX_FIELDS) return false;
      if (isOptions) {
        // Scope fields are fields that stand in front (§3.4.2.2).
        if (body.length - at < 2) return false;
        at += 2;
      }
      const read = readFields(view, at, count);
      if (read === undefined) return false;
      at = read.end;
      this.#add(`${domain}/${id}`, { fields: read.fields, leastOctets: leastOf(read.fields), isOptions });
    }
    return true;
  }

  #add(key: string, template: Template): void {
    this.#known.delete(key);
    if (this.#known.size >= MAX_TEMPLATES) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, template);
  }

  /** §8.1: a template, or by the id of the set all of them. */
  #withdraw(domain: number, id: number, isOptions: boolean): void {
    if (id >= 256) this.#known.delete(`${domain}/${id}`);
    else
      for (const [key, template] of this.#known)
        if (key.startsWith(`${domain}/`) && template.isOptions === isOptions) this.#known.delete(key);
  }
}

function readFields(
  view: DataView,
  from: number,
  count: number,
): { readonly fields: readonly Field[]; readonly end: number } | undefined {
  const fields: Field[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (view.byteLength - at < 4) return undefined;
    const [element, length] = [view.getUint16(at), view.getUint16(at + 2)];
    const isEnterprise = (element & 0x8000) !== 0;
    if (isEnterprise && view.byteLength - at < 8) return undefined;
    fields.push({ element: element & 0x7fff, length, isEnterprise });
    at += isEnterprise ? 8 : 4;
  }
  return { fields, end: at };
}

function leastOf(fields: readonly Field[]): number {
  return Math.max(
    1,
    fields.reduce((sum, { length }) => sum + (length === VARIABLE ? 1 : length), 0),
  );
}
