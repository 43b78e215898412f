import { formatFacts } from "./answer-facts.ts";
import { formatInstant } from "./dates.ts";
import {
  ANSWER_SIZE,
  add,
  Cleaner,
  cutLines,
  type Size,
  share,
  sizeOf,
  smaller,
  subtract,
  takeWhileFitting,
  toQuote,
} from "./text.ts";

/** One issue as `get_issue_details` tells it. Days are `2026-11-25`. */
export interface IssueDetails {
  key: string;
  address: string;
  title: string;
  status: string;
  closed: boolean;
  type?: string;
  priority?: string;
  resolution?: string;
  assignee?: string;
  dueDate?: string;
  startDate?: string;
  estimatedHours?: number;
  actualHours?: number;
  milestones: string[];
  versions: string[];
  categories: string[];
  created?: string;
  createdBy?: string;
  updated?: string;
  updatedBy?: string;
  customFields: { name: string; value: string }[];
  parent?: OtherIssue;
  children?: {
    issues: OtherIssue[];
    total: number;
    closed?: number;
    /** Counted by Backlog, yet in no list: deeper ones, or not to be read. */
    unlisted: number;
  };
  related: OtherIssue[];
  attachments: FileFact[];
  sharedFiles: FileFact[];
  links: { title?: string; address: string }[];
  description: string;
  thread: Thread;
  /** What could not be read, cut or differs: one sentence each. */
  notes: string[];
}

export interface OtherIssue {
  key: string;
  title: string;
  status: string;
}

export interface FileFact {
  name: string;
  size?: number;
  by?: string;
}

/** A comment, a change of fields, or both at once. */
export interface TimelineEntry {
  id: number;
  instant: string;
  author?: string;
  text: string;
  changes: Change[];
}

export interface Change {
  field: string;
  from?: string;
  to?: string;
}

/** The part of the timeline that was read, oldest first. */
export interface Thread {
  entries: TimelineEntry[];
  hasOlder: boolean;
  hasNewer: boolean;
  /** How many there are, where every one was seen. */
  total?: number;
  /** How many Backlog counts, where it had to be asked. */
  counted?: number;
}

/** What of an issue is asked for; from the fragment of its key. */
export type Focus =
  | { on: "issue" }
  | { on: "description"; from: number }
  | { on: "comment"; id: number }
  | { on: "older" | "newer"; id: number };

export interface View {
  timeZone: string;
  /** Today in that zone, `2026-11-22`. */
  today: string;
  focus: Focus;
}

/** No single comment takes more than this of an answer, unless asked for. */
const COMMENT_SHARE = share(ANSWER_SIZE, 0.25);
/** Kept for the description while there are more comments than fit. */
const DESCRIPTION_SHARE = share(ANSWER_SIZE, 0.25);
/** For the lines that say what is missing and how to get it. */
const NOTICE_SIZE: Size = { characters: 2_500, tokens: 1_000 };

/** What the timeline may take, beside the facts and the description's share. */
export function roomForThread(details: IssueDetails, view: View): Size {
  const facts = sizeOf(formatFacts(details, view, new Cleaner()));
  const room = subtract(subtract(ANSWER_SIZE, NOTICE_SIZE), facts);
  const { focus } = view;
  if (focus.on === "older" || focus.on === "newer") return room;
  const lines = descriptionFrom(details, focus, new Cleaner());
  const most = focus.on === "description" ? room : DESCRIPTION_SHARE;
  return subtract(room, smaller(sizeOf(toQuote(lines)), most));
}

/** One entry as it will stand in the answer. */
export function formatEntry(
  entry: TimelineEntry,
  key: string,
  { timeZone, focus }: Pick<View, "timeZone" | "focus">,
  room: Size,
): { text: string; size: Size; removed: number } {
  const clean = new Cleaner();
  const author = entry.author ? ` · ${clean.line(entry.author, 200)}` : "";
  const head = [
    `### ${formatInstant(entry.instant, timeZone)} · #comment-${entry.id}${author}`,
    ...formatChanges(entry.changes, clean, smaller(CHANGES_SHARE, room)),
  ];
  const lines = clean.lines(entry.text);
  const asked = focus.on === "comment" && focus.id === entry.id;
  const most = asked ? room : smaller(COMMENT_SHARE, room);
  const used = sizeOf(`${head.join("\n")}${CUT_COMMENT}`);
  const cut = cutLines(lines, subtract(most, used));
  const quoted = cut.lines.length > 0 ? [toQuote(cut.lines)] : [];
  const parts = [...head, ...quoted];
  if (cut.shown < cut.of) {
    const more = asked ? "" : ` In full: issue_key ${key}#comment-${entry.id}`;
    parts.push(`(${cut.shown} of ${cut.of} characters are shown.${more})`);
  }
  const text = `${parts.join("\n")}\n`;
  return { text, size: sizeOf(text), removed: clean.removed };
}

// The longest line that can stand below a comment that was cut.
const CUT_COMMENT =
  "(12345678 of 12345678 characters are shown. In full: issue_key ABCDEFGHIJKLMNOPQRSTUVWXY-1234567890#comment-1234567890123)\n\n";
const CHANGES_SHARE = share(ANSWER_SIZE, 0.08);

function formatChanges(
  changes: readonly Change[],
  clean: Cleaner,
  room: Size,
): string[] {
  const lines = changes.map(({ field, from, to }) => {
    const name = clean.line(field, 200);
    if (from === undefined && to === undefined) return `- ${name}`;
    const [old, now] = [from, to].map((value) => {
      if (value === undefined) return "none";
      const line = clean.line(value, 300);
      return line.includes("→") ? JSON.stringify(line) : line;
    });
    return `- ${name}: ${old} → ${now}`;
  });
  const shown = takeWhileFitting(lines, room);
  const more = lines.length - shown.length;
  return more > 0 ? [...shown, `- … and ${more} more changes`] : shown;
}

/** The whole answer of `get_issue_details`, within `ANSWER_SIZE`. */
export function formatIssue(details: IssueDetails, view: View): string {
  const clean = new Cleaner();
  const facts = formatFacts(details, view, clean);
  const { key, thread } = details;
  const threadRoom = roomForThread(details, view);
  const entries = thread.entries.map((entry) =>
    formatEntry(entry, key, view, threadRoom),
  );
  const timeline = [
    formatThreadHead(details, view.focus),
    ...entries.map(({ text }) => text),
  ].join("\n");
  const notes = formatNotes(details.notes, clean);
  const used = [facts, timeline, notes].map(sizeOf).reduce(add);
  const room = subtract(subtract(ANSWER_SIZE, used), share(NOTICE_SIZE, 0.1));
  const description = formatDescription(details, view.focus, room, clean);
  const removed =
    clean.removed + entries.reduce((sum, entry) => sum + entry.removed, 0);
  return [facts, notes, description, timeline, formatRemoved(removed)].join("");
}

/** One line a note; what does not fit its share is counted. */
export function formatNotes(notes: readonly string[], clean: Cleaner): string {
  if (notes.length === 0) return "";
  const lines = notes.map((note) => `Note: ${clean.line(note, 600)}`);
  const shown = takeWhileFitting(lines, share(NOTICE_SIZE, 0.7));
  const more = lines.length - shown.length;
  const rest = more > 0 ? [`Note: and ${more} more notes`] : [];
  return `${[...shown, ...rest].join("\n")}\n\n`;
}

/** What cleaning took out of the text, if anything. */
export function formatRemoved(removed: number): string {
  if (removed === 0) return "";
  const characters = removed === 1 ? "character was" : "characters were";
  return `\nNote: ${removed} invisible or direction-changing ${characters} removed from the text.\n`;
}

function formatDescription(
  details: IssueDetails,
  focus: Focus,
  room: Size,
  clean: Cleaner,
): string {
  if (focus.on === "older" || focus.on === "newer") return "";
  const { key } = details;
  const lines = descriptionFrom(details, focus, clean);
  if (lines.length === 0) {
    const whole = new Cleaner().lines(details.description);
    const { length } = whole.join("\n");
    const none =
      length === 0 || focus.on !== "description"
        ? "none"
        : `(It has ${length} characters, so none from ${focus.from + 1} on. All: issue_key ${key}#description)`;
    return `## Description\n${none}\n\n`;
  }
  const from = focus.on === "description" ? focus.from : 0;
  const cut = cutLines(lines, subtract(room, sizeOf(CUT_DESCRIPTION)));
  const parts = ["## Description", toQuote(cut.lines)];
  if (cut.shown < cut.of || from > 0) {
    const whole = from + cut.of;
    const end = from + cut.shown;
    const next =
      focus.on === "description"
        ? `${key}#description-${end}`
        : `${key}#description`;
    const which = from > 0 ? `${from + 1} to ${end}` : `${end}`;
    const more = end < whole ? ` More: issue_key ${next}` : "";
    parts.push(
      `(Description: ${which} of ${whole} characters are shown.${more})`,
    );
  }
  return `${parts.join("\n")}\n\n`;
}

// The longest lines around a description that was cut.
const CUT_DESCRIPTION =
  "## Description\n(Description: 12345678 to 12345678 of 12345678 characters are shown. More: issue_key ABCDEFGHIJKLMNOPQRSTUVWXY-1234567890#description-12345678)\n\n";

/** The description's lines from the character on that the focus asks for. */
function descriptionFrom(
  { description }: IssueDetails,
  focus: Focus,
  clean: Cleaner,
): string[] {
  const lines = clean.lines(description);
  if (focus.on !== "description" || focus.from === 0) return lines;
  const rest = lines.join("\n").slice(focus.from);
  return rest === "" ? [] : rest.split("\n");
}

/** How many there are, which are shown, and the literal way to the others. */
function formatThreadHead({ key, thread }: IssueDetails, focus: Focus): string {
  const { entries, hasOlder, hasNewer, total, counted } = thread;
  const first = entries[0];
  const last = entries.at(-1);
  const known =
    total !== undefined
      ? `${total}`
      : counted !== undefined
        ? `Backlog counts ${counted}`
        : "";
  if (first === undefined || last === undefined) {
    const none = !(hasOlder || hasNewer)
      ? "none"
      : focus.on === "description"
        ? `${known || "some"}, none of which fits beside the description. They are at issue_key ${key}`
        : focus.on === "older" || focus.on === "newer"
          ? `none ${focus.on} than #comment-${focus.id}`
          : `none could be read${known && ` (${known})`}`;
    return `## Comments and changes: ${none}\n`;
  }
  const shown = entries.length;
  if (!hasOlder && !hasNewer) {
    return `## Comments and changes: ${shown}, oldest first\n`;
  }
  const which = !hasNewer ? "the newest " : hasOlder ? "" : "the oldest ";
  const lines = [
    `## Comments and changes: ${known && `${known}; `}${which}${shown} are shown, oldest first`,
    ...(hasOlder ? [`Older: issue_key ${key}#comment-${first.id}-older`] : []),
    ...(hasNewer ? [`Newer: issue_key ${key}#comment-${last.id}-newer`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
