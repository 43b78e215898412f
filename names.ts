import {
  type Choices,
  FILTERS,
  type Filter,
  type ListArguments,
} from "./arguments.ts";
import type { BacklogCall, ProjectChoices } from "./backlog.ts";
import { toCalendarDay } from "./dates.ts";
import { toMessage } from "./errors.ts";
import { parseIssueKey } from "./issue-key.ts";
import {
  type CustomFilter,
  Lookup,
  type Me,
  resolveCustomFields,
} from "./lookup.ts";
import {
  type Candidate,
  fold,
  foldJoined,
  match,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import { type Choice, CLOSED, type User } from "./responses.ts";
import { type Person, toName } from "./text.ts";

/** A filter as Backlog takes it, and as the answer tells it. */
interface ResolvedFilter {
  /** Empty: the filter is lifted. */
  ids: number[];
  meant: { name?: string; ids: number[] }[];
  /** Issues without an assignee are meant, too, or alone. */
  nobody?: true;
  /** Backlog has no such filter: every status but Closed is meant. */
  notClosed?: true;
}

/** What look-ups told besides. */
interface Known {
  /** Different people who share their names. */
  namesakes: Person[];
  /** The keys of projects that are archived. */
  archived: string[];
}

/** What the words of the arguments mean in this space. */
export interface ResolvedNames extends Known {
  filters: Partial<Record<Filter, ResolvedFilter>>;
  /** Whose doings a history tells; undefined: anyone's. */
  historyBy: ResolvedFilter | undefined;
  custom?: CustomFilter | undefined;
}

type Resolve = (given: Choices, lookup: Lookup) => Promise<ResolvedFilter>;

/** For a filter that is given. */
const RESOLVERS: Record<Filter, Resolve> = {
  assignee: people("assignee_names"),
  status: resolveStatuses,
  project: async ({ ids }, lookup) =>
    toFilter(ids, await lookup.findProjects()),
  issueType: things("issueTypes", "issue type", "Issue types"),
  category: things("categories", "category", "Categories"),
  milestone: things("versions", "milestone", "Milestones"),
  priority: resolvePriorities,
  createdUser: people("created_user_names"),
  parentIssue: resolveParents,
};

/**
 * Turns words into IDs, all look-ups at once where none needs another. Throws
 * one error that lists, for every word that fits nothing, what there is.
 */
export async function resolveNames(
  call: BacklogCall,
  args: ListArguments,
  getMe: () => Promise<Me>,
): Promise<ResolvedNames> {
  const { choices, history } = args;
  // What needs no look-up is refused before there is one.
  await settle([
    resolvePriorities(choices("priority")),
    parseParents(call, choices("parentIssue")),
  ]);
  const lookup = new Lookup(call, choices("project"), getMe);
  const pending = FILTERS.map(async ([filter]) => {
    const given = choices(filter);
    const resolved =
      given.ids.length + given.words.length > 0
        ? RESOLVERS[filter](given, lookup)
        : toDefault(filter, args, lookup);
    return [filter, await resolved] as const;
  });
  const by = { ids: [], words: history?.words ?? [] };
  const historyBy =
    by.words.length > 0 ? people("history_by_names")(by, lookup) : undefined;
  const custom = resolveCustomFields(lookup, args);
  await settle([...pending, historyBy, custom], call.restriction);
  const filters: ResolvedNames["filters"] = Object.fromEntries(
    await Promise.all(pending),
  );
  return {
    filters,
    historyBy: await historyBy,
    custom: await custom,
    ...(await listKnown(lookup)),
  };
}

async function listKnown(lookup: Lookup): Promise<Known> {
  const [users, projects, me] = await lookup.listKnown();
  const people = [...(users?.entries ?? []), ...(me ? [me] : [])];
  const named = people.flatMap(({ name, ...one }) =>
    name === undefined ? [] : { ...one, name },
  );
  const each = new Map(named.map((one) => [one.id, one])).values();
  const groups = Map.groupBy(each, ({ name }) => toName(name));
  const archived = projects?.filter(({ archived }) => archived) ?? [];
  return {
    namesakes: [...groups.values()].filter(({ length }) => length > 1).flat(),
    archived: archived.map(({ projectKey }) => projectKey),
  };
}

function toDefault(
  filter: Filter,
  { defaults }: ListArguments,
  lookup: Lookup,
): ResolvedFilter | Promise<ResolvedFilter> | undefined {
  const lifted = defaults[filter];
  if (lifted !== undefined) return toLifted(lifted);
  if (filter === "status") return toNotClosed();
  return filter === "assignee"
    ? RESOLVERS.assignee({ ids: [], words: ["me"] }, lookup)
    : undefined;
}

function toLifted(name: string): ResolvedFilter {
  return { ids: [], meant: [{ name, ids: [] }] };
}

/** Throws one error of all the problems, each told once. */
async function settle(
  pending: (Promise<unknown> | undefined)[],
  restriction = "",
): Promise<void> {
  const problems = new Set<string>();
  let isUnknown = false;
  for (const result of await Promise.allSettled(pending)) {
    if (result.status === "fulfilled") continue;
    if (!(result.reason instanceof WordProblem)) throw result.reason;
    problems.add(result.reason.message);
    isUnknown ||= result.reason.isUnknown;
  }
  if (isUnknown && restriction !== "") problems.add(restriction);
  if (problems.size > 0) throw new Error([...problems].join("\n"));
}

const ME = "me|@me|myself|i|自分|私";
// Words for all statuses are said of people, too.
const ANYONE = "anyone|anybody|everyone|everybody|any|all|誰でも|全員|すべて";
const NOBODY =
  "nobody|unassigned|none|no one|未割当|未割り当て|担当者なし|なし";

function isAmong(known: string, word: string): boolean {
  return known.split("|").includes(fold(unquote(word)));
}

function people(argument: string): Resolve {
  const isAssignee = argument === "assignee_names";
  const isNobody = (word: string) => isAssignee && isAmong(NOBODY, word);
  const isMe = (word: string) => isAmong(ME, word);
  return async ({ ids, words }, lookup) => {
    if (words.some((word) => isAmong(ANYONE, word))) return toLifted("anyone");
    const others = words.filter((word) => !isMe(word) && !isNobody(word));
    const [me, found] = await Promise.all([
      words.some(isMe) ? lookup.me() : undefined,
      others.length > 0 ? findPeople(lookup, argument, others) : [],
    ]);
    const mine = me ? [{ ids: [me.id], names: [me.name ?? "you"] }] : [];
    const named = toFilter(ids, [...mine, ...found]);
    if (!words.some(isNobody)) return named;
    const meant = [{ name: "nobody", ids: [] }, ...named.meant];
    return { ...named, meant, nobody: true };
  };
}

/** Those that the words mean, among the members of these projects. */
async function findPeople(
  lookup: Lookup,
  argument: string,
  words: readonly string[],
): Promise<Candidate[]> {
  const { entries, scope } = await lookup.listUsers(argument);
  const byId = new Map(entries.map((user) => [user.id, toPerson(user)]));
  const members = [...byId.values()];
  const meant = words.map((word) => dropHonorific(word, members));
  return matchAll(meant, members, {
    singular: "person",
    plural: "Members",
    scope: ` in ${scope.text}`,
    advice:
      argument === "assignee_names"
        ? "Give the login, or the ID in assignee_ids."
        : "Give the login or the ID.",
  });
}

function toPerson({ id, name, userId, mailAddress, nulabAccount }: User) {
  const login = userId ? `${toName(userId)}, ` : "";
  const words = fold(name)
    .split(/[\s()[\]/・,、]+/)
    .filter(Boolean);
  const swapped = [...words.slice(-1), ...words.slice(0, -1)];
  return {
    ids: [id],
    names: [
      name,
      ...(userId ? [`@${userId}`] : []),
      // Japanese names are written with and without a space, in either order.
      name.replace(/\s/g, ""),
      swapped.join(" "),
      swapped.join(""),
      ...[userId, mailAddress, nulabAccount?.uniqueId].filter(
        (text) => typeof text === "string",
      ),
    ],
    words,
    label: `${toName(name)} (${login}ID ${id})`,
  };
}

const HONORIFIC = /\s*(?:さん|様|くん|ちゃん|氏|殿)$|[-\s]san$/i;

/** Without さん and the like, unless somebody's name has it. */
function dropHonorific(word: string, people: readonly Candidate[]): string {
  const name = unquote(word);
  const bare = name.replace(HONORIFIC, "");
  const isMeant = bare === name || match(name, people).length > 0;
  return bare === "" || isMeant ? word : bare;
}

const ANY: Candidate = { ids: [], names: ["any", "all", "すべて"] };
const NOT_CLOSED: Candidate = {
  ids: [],
  names: ["not closed", "unclosed", "!closed", "未完了", "未完", "完了以外"],
};
/** The statuses that every project has: ID, English and Japanese name. */
const STANDARD: readonly (readonly [number, string, string])[] = [
  [1, "Open", "未対応"],
  [2, "In Progress", "処理中"],
  [3, "Resolved", "処理済み"],
  [CLOSED, "Closed", "完了"],
];
const STANDARD_STATUSES = STANDARD.map(
  ([id, ...names]): Candidate => ({ ids: [id], names }),
);

function toNotClosed(): ResolvedFilter {
  const name = "not closed (every status but Closed)";
  return { ...toLifted(name), notClosed: true };
}

async function resolveStatuses(
  { ids, words }: Choices,
  lookup: Lookup,
): Promise<ResolvedFilter> {
  const { statuses, scope } = await listStatuses(lookup, words);
  const builtIn = words.flatMap((word) => findBuiltIn(word, statuses) ?? []);
  const others = words.filter((word) => !findBuiltIn(word, statuses));
  const named = matchAll(others, statuses, {
    singular: "status",
    plural: "Statuses",
    scope: ` in ${scope}`,
    besides: " Also: any, not closed (the default).",
  });
  const filter = toFilter(ids, [...builtIn, ...named]);
  const notClosed = builtIn.includes(NOT_CLOSED);
  if (builtIn.includes(ANY) || (notClosed && filter.ids.includes(CLOSED))) {
    return toLifted("any");
  }
  return notClosed ? toNotClosed() : filter;
}

/** By ID, those seen and the standard ones, in the language of the space. */
export function nameStatuses(
  seen: readonly Pick<Choice, "id" | "name">[],
): Map<number, string> {
  const own = new Map(seen.map(({ id, name }) => [id, name]));
  const isJapanese = STANDARD.some(([id, , name]) => own.get(id) === name);
  const standard = STANDARD.map(
    ([id, english, japanese]) => [id, isJapanese ? japanese : english] as const,
  );
  return new Map([...standard, ...own]);
}

/**
 * With a project named, one request tells whether a custom status has exactly
 * this name; without, built-in words are not worth one per project.
 */
async function listStatuses(lookup: Lookup, words: readonly string[]) {
  const optional = words.every((word) => findBuiltIn(word, STANDARD_STATUSES));
  if (optional && (words.length === 0 || !lookup.namesProjects)) {
    return { statuses: STANDARD_STATUSES, scope: "" };
  }
  const { entries, scope } = await lookup.listChoices(
    "statuses",
    "statuses",
    "status_names",
    { optional },
  );
  return { statuses: toStatusCandidates(entries), scope: scope.text };
}

const isStandard = ({ ids: [id = 0] }: Candidate) => id <= CLOSED;

/** A custom status of just that name; else what it means in every project. */
function findBuiltIn(
  word: string,
  statuses: readonly Candidate[],
): Candidate | undefined {
  const exact = unquote(word);
  const isMeant = ({ ids, names }: Candidate) =>
    [...ids.map(String), ...names].map(foldJoined).includes(foldJoined(word));
  return (
    statuses.find((one) => !isStandard(one) && one.names.includes(exact)) ??
    [ANY, NOT_CLOSED, ...statuses.filter(isStandard)].find(isMeant)
  );
}

/** Standard ones in both languages and the space's own; custom ones by name. */
function toStatusCandidates(listed: readonly Choice[]): Candidate[] {
  const standard = STANDARD_STATUSES.map(({ ids, names }) => {
    const own = listed.find(({ id }) => ids.includes(id))?.name;
    return { ids, names: [...new Set([own ?? [], names].flat())] };
  });
  const custom = groupByName(listed.filter(({ id }) => id > CLOSED));
  // In the project's own order, which is the order of its work.
  const place = ({ ids: [first] }: Candidate) => {
    const index = listed.findIndex(({ id }) => id === first);
    return first === CLOSED || index < 0 ? listed.length : index;
  };
  return [...standard, ...custom].sort((a, b) => place(a) - place(b));
}

function things(
  kind: ProjectChoices,
  singular: string,
  plural: string,
): Resolve {
  return async ({ ids, words }, lookup) => {
    if (words.length === 0) return toFilter(ids, []);
    const argument = `${singular.replace(" ", "_")}_names`;
    const title = plural.toLowerCase();
    const { entries, scope } = await lookup.listChoices(kind, title, argument);
    const wording = { singular, plural, scope: ` in ${scope.text}` };
    return toFilter(ids, matchAll(words, groupByName(entries), wording));
  };
}

/** Equal names in several projects are one choice and mean all of them. */
function groupByName(choices: readonly Choice[]): Candidate[] {
  const groups = Map.groupBy(choices, ({ name }) => fold(name));
  return [...groups.values()].map((group) => {
    const unique = (texts: string[]) => [...new Set(texts)];
    const names = unique(group.map(({ name }) => name));
    const days = unique(group.map(formatDays));
    return {
      ids: [...new Set(group.map(({ id }) => id))],
      names,
      label: `${toName(names[0] ?? "")}${days.length === 1 ? days[0] : ""}`,
    };
  });
}

/** Of a milestone, ` (2026-11-09 to 2026-11-27)`. */
function formatDays({ startDate, releaseDueDate }: Choice): string {
  const [start, end] = [startDate, releaseDueDate].map((day) =>
    day ? toCalendarDay(day) : undefined,
  );
  if (start && end) return ` (${start} to ${end})`;
  if (start) return ` (from ${start})`;
  return end ? ` (until ${end})` : "";
}

// https://developer.nulab.com/docs/backlog/api/2/get-priority-list/
const PRIORITIES: Candidate[] = [
  { ids: [2], names: ["High", "高"] },
  { ids: [3], names: ["Normal", "中"] },
  { ids: [4], names: ["Low", "低"] },
];

async function resolvePriorities({ ids, words }: Choices) {
  const wording = { singular: "priority", plural: "Priorities", scope: "" };
  return toFilter(ids, matchAll(words, PRIORITIES, wording));
}

/** The keys and IDs that the words mean, each once. */
async function parseParents(
  { host }: BacklogCall,
  { words }: Choices,
): Promise<string[]> {
  const keys = words.map((word) => {
    try {
      return parseIssueKey(unquote(word), host).idOrKey;
    } catch (error) {
      const message = toMessage(error);
      throw new WordProblem(message.replace("issue_key", "parent_issue_keys"));
    }
  });
  return [...new Set(keys)];
}

async function resolveParents(given: Choices, { call }: Lookup) {
  const keys = await parseParents(call, given);
  const found = keys.map(async (key): Promise<Candidate> => {
    const { id, issueKey } = await call.getIssueRow(key);
    return { ids: [id], names: [issueKey] };
  });
  return toFilter(given.ids, await Promise.all(found));
}

function toFilter(
  ids: readonly number[],
  found: readonly Candidate[],
): ResolvedFilter {
  const named = new Set(found.flatMap((candidate) => candidate.ids));
  const others = ids.filter((id) => !named.has(id));
  // "me" may be one of those who are named.
  const each = new Map(found.map((one) => [`${one.ids}`, one]));
  return {
    ids: [...new Set([...ids, ...named])],
    meant: [
      ...[...each.values()].map(({ ids, names: [name] }) => ({
        ids,
        ...(name && { name }),
      })),
      ...others.map((id) => ({ ids: [id] })),
    ],
  };
}
