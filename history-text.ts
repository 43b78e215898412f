import { formatInstant } from "./dates.ts";
import { formatChanges, type Wording } from "./facts.ts";
import type { Comment, IssueRow } from "./responses.ts";
import {
  ANSWER_SIZE,
  Cleaner,
  cutText,
  formatCut,
  nameMentions,
  type Size,
  share,
  takeWhileFitting,
  tellApart,
  toQuote,
} from "./text.ts";

/** An issue in which something happened. */
export interface Told {
  row: IssueRow;
  /** Comments and changes of that time, oldest first. */
  comments: Comment[];
  /** Whether it was created in that time. */
  isCreated: boolean;
}

/** What happened in the issues of a list. */
export interface History {
  /** Newest activity first. */
  told: Told[];
  /** Keys of those whose update left no entry. */
  silent: string[];
  /** Statuses by ID, for changes that name only that. */
  statuses: ReadonlyMap<number, string>;
  /** The offset from which on issues have not been looked into. */
  next: number;
  /** How many these are. */
  left: number;
}

type HistoryView = Pick<Wording, "timeZone" | "spaceTimeZone">;

/** No single issue takes more than this of an answer. */
const ISSUE_SHARE = share(ANSWER_SIZE, 0.15);
const CHANGES_SHARE = share(ANSWER_SIZE, 0.04);
/** The first 300 characters of a comment, with the mark of a quotation. */
const COMMENT_SIZE: Size = { characters: 303, tokens: 303 };
const MOST_SILENT = 20;

/** What was found, what was not, and what cannot be; a line each. */
export function describeHistory({ told, left, silent }: History): string[] {
  const issues = told.length === 1 ? "1 issue" : `${told.length} issues`;
  const found =
    told.length === 0
      ? `Nothing ${left > 0 ? "is told yet" : "happened in that time in the issues that match"}`
      : `Something happened in ${issues}; told below, newest activity first`;
  const others =
    left === 1 ? "1 issue that matches is" : `${left} issues that match are`;
  const more = silent.length - MOST_SILENT;
  const keys = silent.slice(0, MOST_SILENT).join(", ");
  return [
    `${found}${left > 0 ? `; ${others} not looked into yet: see Next` : ""}.`,
    ...(silent.length > 0
      ? [
          `Updated, too, without an entry that says how: ${keys}${more > 0 ? ` and ${more} more` : ""}.`,
        ]
      : []),
    "Deleted issues and edits of older comments cannot be seen.",
  ];
}

/** What happened, issue by issue. */
export function formatHistory(
  { told, statuses }: Pick<History, "told" | "statuses">,
  view: HistoryView,
  clean = new Cleaner(),
): string {
  const people = told
    .flatMap(({ row, comments }) => [
      row.assignee,
      row.createdUser,
      ...comments.map(({ createdUser }) => createdUser),
    ])
    .filter((person) => person != null);
  const toPerson = tellApart(people);
  const toLine = nameMentions(people, toPerson);
  const wording = { ...view, statuses, toPerson, toLine };
  const issues = told.map((issue) => formatTold(issue, wording, clean));
  return `\n## What happened\n\n${issues.join("\n").trimEnd()}`;
}

/** What happened in one issue: as much as fits, the newest of it. */
function formatTold(
  { row, comments, isCreated }: Told,
  wording: Wording,
  clean: Cleaner,
): string {
  const { issueKey, created, createdUser } = row;
  const time = (instant: string) => formatInstant(instant, wording.timeZone);
  const entries = comments.map((comment) =>
    formatMoment(comment, issueKey, { time, wording, clean }),
  );
  if (isCreated && created) {
    const by = createdUser ? ` · ${wording.toPerson(createdUser)}` : "";
    entries.unshift(`${time(created)}${by} · created\n`);
  }
  const shown = takeWhileFitting(entries.toReversed(), ISSUE_SHARE);
  const hidden = entries.length - shown.length;
  const earlier =
    hidden > 0
      ? `(${hidden} earlier in that time: issue_key ${issueKey})\n`
      : "";
  return `### ${issueKey}\n${earlier}${shown.toReversed().join("")}`;
}

function formatMoment(
  { id, created, createdUser, content, changeLog }: Comment,
  key: string,
  view: { time: (instant: string) => string; wording: Wording; clean: Cleaner },
): string {
  const { time, wording, clean } = view;
  const by = createdUser ? ` · ${wording.toPerson(createdUser)}` : "";
  const text = clean.text(content ?? "");
  const cut = cutText(text, { from: 0, room: COMMENT_SIZE }, wording.toLine);
  const rest = formatCut(
    cut,
    (place) => `issue_key ${key}#comment-${id}-from-${place}`,
  );
  return [
    `${time(created)}${by} · #comment-${id}`,
    ...formatChanges(changeLog ?? [], wording, { clean, room: CHANGES_SHARE }),
    ...(cut.lines.length > 0 ? [toQuote(cut.lines)] : []),
    ...(rest === "" ? [] : [rest]),
    "",
  ].join("\n");
}
