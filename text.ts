import { INVISIBLE } from "./settings.ts";

/** What a text costs its reader. */
export interface Size {
  /** UTF-16 units, as JavaScript and most clients count. */
  characters: number;
  /** Estimated: ASCII / 4 + others × 1, as Japanese is about one each. */
  tokens: number;
}

/** One answer's room, for both tools; clients cut or refuse what is longer. */
export const ANSWER_SIZE: Size = { characters: 39_900, tokens: 10_000 };

/** The size of a text as a model meets it. */
export function sizeOf(text: string): Size {
  let ascii = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) < 128) ascii += 1;
  }
  const { length } = text;
  return { characters: length, tokens: ascii / 4 + (length - ascii) };
}

/** In each unit what is computed for it. */
function inEach(compute: (unit: keyof Size) => number): Size {
  return { characters: compute("characters"), tokens: compute("tokens") };
}

/** The size of both together. */
export function add(a: Size, b: Size): Size {
  return inEach((unit) => a[unit] + b[unit]);
}

/** What `b` leaves of the room `a`. */
export function subtract(a: Size, b: Size): Size {
  return inEach((unit) => a[unit] - b[unit]);
}

/** A part of the room, in whole units. */
export function share(size: Size, part: number): Size {
  return inEach((unit) => Math.floor(size[unit] * part));
}

/** The smaller room in each respect. */
export function smaller(a: Size, b: Size): Size {
  return inEach((unit) => Math.min(a[unit], b[unit]));
}

/** Whether it is too large in neither respect. */
export function fits(size: Size, room: Size): boolean {
  return size.characters <= room.characters && size.tokens <= room.tokens;
}

// Backlog's own titles end at 255; only a broken or hostile answer is longer.
const LONGEST_LINE = 1_000;

/** What may break a line in some reader, not in JavaScript alone. */
const LINE_BREAKS = /[\n\v\f\r\u0085\u2028\u2029]+/g;

/**
 * Other people's words, made safe to show: each method returns the text without
 * invisible and direction-changing characters, and `removed` counts these.
 */
export class Cleaner {
  removed = 0;

  /** On one line: line breaks become spaces. Far too long is cut, and says so. */
  line(text: string, most = LONGEST_LINE): string {
    const line = this.#visible(text.replace(LINE_BREAKS, " ")).trim();
    if (line.length <= most) return line;
    return `${whole(line.slice(0, most))}… (${most} of ${line.length} characters)`;
  }

  /** A name, in quotation marks where it could pass for more than a name. */
  name(text: string, most = 100): string {
    const line = this.line(text, Number.POSITIVE_INFINITY);
    const short = whole(line.slice(0, most));
    const shown = isPlainName(short) ? short : JSON.stringify(short);
    return line.length > most
      ? `${shown}… (${most} of ${line.length} characters)`
      : shown;
  }

  /** Of many lines, without spaces at their ends and empty ones at its own. */
  text(text: string): string {
    const visible = this.#visible(text.replace(OTHER_BREAKS, "\n"));
    return visible.replace(SPACES_AT_END, "").trimEnd().replace(/^\n+/, "");
  }

  #visible(text: string): string {
    const wellFormed = text.toWellFormed();
    if (!SUSPECT.test(wellFormed)) return wellFormed;
    const visible = wellFormed
      .replace(ALWAYS_HIDDEN, "")
      .replace(HIDDEN_HERE, "$1");
    this.removed += countCodePoints(wellFormed) - countCodePoints(visible);
    return visible;
  }
}

/** A surrogate pair is one. */
function countCodePoints(wellFormed: string): number {
  return wellFormed.replace(/[\udc00-\udfff]/g, "").length;
}

// Each of these patterns takes time in proportion to the text, whatever it is:
// a body of Backlog's may hold 31 MB of one character.
const OTHER_BREAKS = /\r\n?|[\v\f\u0085\u2028\u2029]/g;
const SPACES_AT_END = /(?<![^\S\n])[^\S\n]+(?=\n)/g;

// Joiners, selectors and tags: at some places they are part of what is seen.
const AT_PLACES =
  "[\\u200c\\u200d\\ufe00-\\ufe0f\\u{e0020}-\\u{e007f}\\u{e0100}-\\u{e01ef}]";
const SUSPECT = new RegExp(INVISIBLE, "v");
const ALWAYS_HIDDEN = new RegExp(`[${INVISIBLE}--${AT_PLACES}]+`, "gv");
// Where letters join or not is a matter of spelling: Persian می‌خواهم, Hindi क्‍ष.
const JOINING_SCRIPTS =
  "Arab Syrc Mand Nkoo Phag Mong Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt"
    .split(" ")
    .map((script) => `\\p{scx=${script}}`);
const JOINED = `[[${JOINING_SCRIPTS.join("")}]&&[\\p{L}\\p{M}]]`;
const VIRAMA =
  "[\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d4d\\u0dca]";
const PICTURE = "\\p{Extended_Pictographic}";
const SEEN = [
  // Among emoji's forms, and of digits as keycaps.
  `(?<=${PICTURE})[\\ufe0e\\ufe0f]`,
  "(?<=[0-9#*])\\ufe0f(?=\\u20e3)",
  "(?<=\\p{Script=Han})[\\ufe00-\\ufe02\\u{e0100}-\\u{e01ef}]",
  // An emoji joined of others.
  `(?<=${PICTURE}[\\ufe0e\\ufe0f]?\\p{Emoji_Modifier}?)\\u200d(?=${PICTURE})`,
  `(?<=${JOINED})[\\u200c\\u200d](?=${JOINED})`,
  `(?<=${VIRAMA})\\u200d`,
].join("|");
// A flag of a region is spelled in tags, with an end: 🏴󠁧󠁢󠁳󠁣󠁴󠁿
const FLAG =
  "\\u{1f3f4}[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{1,6}\\u{e007f}";
const HIDDEN_HERE = new RegExp(
  `(${FLAG})|(?=${AT_PLACES})(?!${SEEN})[^]`,
  "gv",
);

// What stands between names in our texts; `·` also as it is imitated, but not
// where a Japanese name has it between its parts: ジョン・スミス.
const SEPARATOR = /[()[\]{};,"→⇒]|->|:(?:\s|$)|\s[·•∙⋅・‧]|[·•∙⋅・‧]\s/;
// A sentence that ends, unless it is J. Smith, Dr. Mori or Acme Inc.
const SENTENCE =
  /(?<!(?:^|[\s.])(?:\p{L}|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|No|Co|Ltd|Inc|Corp))[.。](?:\s|$)/iu;
const OUR_WORDS =
  /^(?:none|nobody|anyone|any|unknown|not closed|\?)?$|\band \d+ more\b|\bby default\b|\bID \d|#(?:comment|description|attachment)|issue_key|get_(?:issue_details|user_issue_list)/i;

function isPlainName(name: string): boolean {
  const folded = name.normalize("NFKC");
  return ![SEPARATOR, SENTENCE, OUR_WORDS].some((shape) => shape.test(folded));
}

/** What a person is told apart by. */
export interface Person {
  name: string;
  id?: number | null | undefined;
  userId?: string | null | undefined;
}

/** Those of one answer, as far as they are known. */
type People = Iterable<Person | null | undefined>;

/**
 * Writes the people of one answer: different ones of the same name with their
 * login behind it, else their ID, else `?`.
 */
export function tellApart(
  people: People,
  clean = new Cleaner(),
): (person: Person) => string {
  const all = [...people].filter((person) => person != null);
  const known = all.filter(({ id, userId }) => id != null && userId);
  const idsByLogin = new Map(known.map(({ id, userId }) => [userId, id]));
  const loginsById = new Map<unknown, Person["userId"]>(
    known.map(({ id, userId }) => [id, userId]),
  );
  const toIdentity = ({ id, userId }: Person) =>
    id ?? idsByLogin.get(userId) ?? (userId || undefined);
  const shared = new Set<string>();
  for (const [name, those] of Map.groupBy(all, (one) => toName(one.name))) {
    const identities = those.flatMap((person) => toIdentity(person) ?? []);
    if (new Set(identities).size > 1) shared.add(name);
  }
  return (person) => {
    const name = clean.name(person.name);
    if (!shared.has(toName(person.name))) return name;
    const identity = toIdentity(person);
    const login = person.userId || loginsById.get(identity);
    if (login) return `${name} (${toName(login)})`;
    return `${name} (${identity === undefined ? "?" : `ID ${identity}`})`;
  };
}

/** The same for texts, too: `<@U123>` becomes `@name`, where that is known. */
export function namePeople(people: People) {
  const toPerson = tellApart(people);
  const byId = new Map([...people].map((person) => [`${person?.id}`, person]));
  const toLine = (line: string) =>
    line.replace(/<@U(\d{1,15})>/g, (mention, id) => {
      const person = byId.get(id);
      return person ? `@${toPerson(person)}` : mention;
    });
  return { toPerson, toLine };
}

/** Behind `> `, so that no line of it can pass for one of ours. */
export function toQuote(lines: readonly string[]): string {
  return lines.map((line) => (line === "" ? ">" : `> ${line}`)).join("\n");
}

/** A row of a Markdown table; what would end a cell is escaped. */
export function toTableRow(cells: readonly string[]): string {
  const escaped = cells.map((cell) => cell.replace(/[\\|]/g, "\\$&"));
  return `| ${escaped.join(" | ")} |`;
}

/** The first lines that fit the room together, whole ones. */
export function takeWhileFitting(
  lines: readonly string[],
  room: Size,
): string[] {
  let left = room;
  const shown: string[] = [];
  for (const line of lines) {
    const size = sizeOf(`${line}\n`);
    if (!fits(size, left)) break;
    left = subtract(left, size);
    shown.push(line);
  }
  return shown;
}

/** A part of a long text; places count UTF-16 units. */
interface CutText {
  lines: string[];
  from: number;
  /** Where the next part begins; equal to `of` at the end. */
  to: number;
  of: number;
}

/**
 * As many whole lines of a text, from a place on, as fit the room when quoted.
 * A line too long for it is cut within, never within a character. Parts that
 * follow on one another hold every character once. `show` may write a line
 * differently; what it shows is measured, what the line holds is counted.
 */
export function cutText(
  text: string,
  { from, room }: { from: number; room: Size },
  show = (line: string) => line,
): CutText {
  const of = text.length;
  const begin = Math.min(from, of) - (isWithinPair(text, from) ? 1 : 0);
  const lines: string[] = [];
  let to = begin;
  let left = room;
  for (let at = begin; to < of; at = to + 1) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? of : newline;
    // What is longer than the room need not be measured.
    const line = text.slice(at, Math.min(end, at + room.characters + 1));
    const shown = show(line);
    const size = sizeOf(`> ${shown}\n`);
    if (line.length > room.characters || !fits(size, left)) {
      // A line's end is the better place, unless most room would be wasted.
      if (fits(subtract(room, left), share(room, 0.5))) {
        const part = line.slice(0, fitLine(line, left, show));
        if (part === "") break;
        lines.push(show(part));
        to = at + part.length;
      }
      break;
    }
    left = subtract(left, size);
    lines.push(shown);
    to = end;
  }
  return { lines, from: begin, to, of };
}

/** The last part of a text that fits, as `cutText` cuts it. */
export function cutEnd(text: string, room: Size): CutText {
  const start = Math.max(0, text.length - room.characters);
  const fitsFrom = (from: number) =>
    cutText(text, { from, room }).to === text.length;
  const length = text.length - start;
  const first = start + findFirst(length, (n) => fitsFrom(start + n));
  // A line's beginning is the better place, where one is near.
  const line = text.indexOf("\n", first) + 1;
  const isNear = first > 0 && line > 0 && line - first < room.characters / 4;
  return cutText(text, { from: isNear ? line : first, room });
}

/** Quoted, and what of the text it is where it is not all: `notice`. */
export function quoteCut(
  { lines, from, to, of }: CutText,
  more: (place: number) => string,
): { quoted: string[]; notice: string | undefined } {
  const quoted = lines.length > 0 ? [toQuote(lines)] : [];
  if (from === 0 && to === of) return { quoted, notice: undefined };
  const next = to < of ? ` More: ${more(to + 1)}` : "";
  const notice = `Characters ${from + 1} to ${to} of ${of}.${next}`;
  return { quoted: [...quoted, `(${notice})`], notice };
}

/** How many characters of a line fit the room when quoted. */
function fitLine(line: string, room: Size, show: (line: string) => string) {
  const fitting = findFirst(
    line.length,
    (n) => !fits(sizeOf(`> ${show(line.slice(0, n + 1))}\n`), room),
  );
  return toBoundary(line, fitting);
}

/** The least number for which it holds, of those that do from some on. */
function findFirst(below: number, holds: (n: number) => boolean): number {
  let low = 0;
  let high = below;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isWithinPair(text: string, place: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]/.test(
    text.slice(Math.max(0, place - 1), place + 1),
  );
}

/** The nearest place before that parts nothing from its character. */
function toBoundary(text: string, place: number): number {
  const characters = new Intl.Segmenter().segment(text);
  const { index = place } = characters.containing(place) ?? {};
  // A character of marks without end has to be parted somewhere.
  return index > 0 ? index : place - (isWithinPair(text, place) ? 1 : 0);
}

/** Without half a surrogate pair at its end. */
function whole(text: string): string {
  return text.replace(/[\ud800-\udbff]$/, "");
}

/** For errors and filters: as `Cleaner.name`, what it takes out uncounted. */
export function toName(text: string, most?: number): string {
  return new Cleaner().name(text, most);
}

/** `1 issue`, `2 issues`. */
export function formatCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `a, b and 3 more`. */
export function formatSome(
  names: readonly (string | number)[],
  most: number,
): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most
    ? `${shown} and ${names.length - most} more`
    : shown;
}

/** In quotation marks, on one line, what nobody sees escaped; never long. */
export function quote(text: string, most = 60): string {
  const short = text.length > most ? `${whole(text.slice(0, most))}…` : text;
  return JSON.stringify(short)
    .replace(ALWAYS_HIDDEN, toEscapes)
    .replace(HIDDEN_HERE, (hidden, flag) => flag ?? toEscapes(hidden))
    .replace(LINE_BREAKS, toEscapes);
}

function toEscapes(text: string): string {
  const units = text.split("").map((unit) => unit.charCodeAt(0).toString(16));
  return units.map((unit) => `\\u${unit.padStart(4, "0")}`).join("");
}

/** For the lines that say what is missing and how to get it. */
export const NOTICE_SIZE: Size = { characters: 2_500, tokens: 1_000 };

/** Notes for the top of an answer, as many as fit, and the rest for below. */
export function placeNotes(
  notes: readonly string[],
  { clean, room }: { clean: Cleaner; room: Size },
): { onTop: string[]; below: string[] } {
  const lines = notes.map((note) => `Note: ${clean.line(note, 600)}`);
  const onTop = takeWhileFitting(lines, room);
  const rest = lines.slice(onTop.length);
  if (rest.length === 0) return { onTop, below: [] };
  const below = takeWhileFitting(rest, share(NOTICE_SIZE, 0.3));
  const more = rest.length - below.length;
  const others = (count: number) =>
    `Note: and ${formatCount(count, "more note")}`;
  return {
    onTop: [...onTop, `${others(rest.length)}, below`],
    below: more > 0 ? [...below, others(more)] : below,
  };
}

/** A note of what cleaning took out of the text, if anything. */
export function describeRemoved(removed: number): string[] {
  if (removed === 0) return [];
  const characters = removed === 1 ? "character was" : "characters were";
  return [
    `${removed} invisible or direction-changing ${characters} removed from the text.`,
  ];
}
