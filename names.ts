import {
  type Choices,
  FILTERS,
  type Filter,
  type ListArguments,
  toArgument,
} from "./arguments.ts";
import { type BacklogCall, CLOSED, type ProjectChoices } from "./backlog.ts";
import {
  type CustomFilter,
  parseCondition,
  resolveCustomFields,
} from "./custom-fields.ts";
import { toCalendarDay } from "./dates.ts";
import { toMessage } from "./errors.ts";
import { parseIssueKey } from "./issue-key.ts";
import { Lookup, type Me } from "./lookup.ts";
import {
  type Candidate,
  fold,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import type { Choice } from "./responses.ts";
import { toName } from "./text.ts";

/** A filter as Backlog takes it, and as the answer tells it. */
export interface ResolvedFilter {
  /** Empty: the filter is lifted. */
  ids: number[];
  meant: { name?: string; ids: number[] }[];
  /** Issues without an assignee are meant, too, or alone. */
  nobody?: true;
  /** Backlog has no such filter: every status but Closed is meant. */
  notClosed?: true;
}

export interface ResolvedNames {
  filters: Partial<Record<Filter, ResolvedFilter>>;
  /** The default, or `not closed`: Backlog has no such filter. */
  notClosed: boolean;
  /** Whose doings a history tells; undefined: anyone's. */
  historyBy: ResolvedFilter | undefined;
  custom?: CustomFilter | undefined;
}

/** What a filter is looked up with. */
interface Context {
  call: BacklogCall;
  lookup: Lookup;
  getMe: () => Promise<Me>;
}

type Resolve = (
  given: Choices,
  context: Context,
) => Promise<ResolvedFilter | undefined>;

const RESOLVERS: Record<Filter, Resolve> = {
  assignee: (given, context) => resolvePeople("assignee", given, context),
  status: resolveStatuses,
  project: resolveProjects,
  issueType: (given, context) => resolveScoped("issueType", given, context),
  category: (given, context) => resolveScoped("category", given, context),
  milestone: (given, context) => resolveScoped("milestone", given, context),
  priority: resolvePriorities,
  createdUser: (given, context) => resolvePeople("createdUser", given, context),
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
  const { choices, customFields, defaults, history } = args;
  // What needs no look-up is refused before there is one.
  await settle([
    resolvePriorities(choices("priority")),
    parseParents(call, choices("parentIssue")),
    ...customFields.map(async (text) => parseCondition(text)),
  ]);
  let me: Promise<Me> | undefined;
  const context = {
    call,
    lookup: new Lookup(call, choices("project")),
    getMe: () => {
      me ??= getMe();
      return me;
    },
  };
  const pending = FILTERS.map(async ([filter]) => {
    const given = choices(filter);
    const lifted = defaults[filter];
    const resolved =
      lifted && given.ids.length + given.words.length === 0
        ? { ids: [], meant: [{ name: lifted, ids: [] }] }
        : await RESOLVERS[filter](given, context);
    return [filter, resolved] as const;
  });
  const by = { ids: [], words: history?.words ?? [] };
  const historyBy = resolvePeople("historyBy", by, context);
  const custom = resolveCustomFields(context.lookup, args);
  await settle([...pending, historyBy, custom], call.restriction);
  const filters: ResolvedNames["filters"] = Object.fromEntries(
    await Promise.all(pending),
  );
  return {
    filters,
    notClosed: filters.status?.notClosed ?? false,
    historyBy: await historyBy,
    custom: await custom,
  };
}

/** Throws one error of all the problems, each told once. */
async function settle(
  pending: Promise<unknown>[],
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

async function resolveProjects(
  { ids }: Choices,
  { lookup }: Context,
): Promise<ResolvedFilter | undefined> {
  if (!lookup.namesProjects) return undefined;
  const found = await lookup.findProjects();
  return toFilter(
    ids,
    found.map(({ id, projectKey }) => ({ ids: [id], names: [projectKey] })),
  );
}

const ME = ["me", "@me", "myself", "i", "自分", "私"];
// Words for all statuses are said of people, too.
const ANYONE = [
  "anyone",
  "anybody",
  "everyone",
  "everybody",
  "any",
  "all",
].concat(["誰でも", "全員", "すべて"]);
const NOBODY = [
  "unassigned",
  "nobody",
  "none",
  "no one",
  "未割当",
  "未割り当て",
  "担当者なし",
  "なし",
];

async function resolvePeople(
  filter: "assignee" | "createdUser" | "historyBy",
  { ids, words }: Choices,
  { lookup, getMe }: Context,
): Promise<ResolvedFilter | undefined> {
  const isDefault = ids.length + words.length === 0;
  if (isDefault && filter !== "assignee") return undefined;
  const argument =
    filter === "historyBy" ? "history_by_names" : toArgument(filter);
  const isAmong = (known: readonly string[]) => (word: string) =>
    known.includes(fold(unquote(word)));
  if (words.some(isAmong(ANYONE))) {
    return { ids: [], meant: [{ name: "anyone", ids: [] }] };
  }
  const nobody = filter === "assignee" && words.some(isAmong(NOBODY));
  const special = nobody ? [...ME, ...NOBODY] : ME;
  const others = words.filter((word) => !isAmong(special)(word));
  const [me, people] = await Promise.all([
    isDefault || words.some(isAmong(ME)) ? getMe() : undefined,
    others.length > 0 ? lookup.findPeople(argument, others) : [],
  ]);
  const mine = me ? [{ ids: [me.id], names: [me.name ?? "you"] }] : [];
  const named = toFilter(ids, [...mine, ...people]);
  if (!nobody) return named;
  const meant = [{ name: "nobody", ids: [] }, ...named.meant];
  return { ...named, meant, nobody };
}

const ANY: Candidate = { ids: [], names: ["any", "all", "すべて"] };
const NOT_CLOSED: Candidate = {
  ids: [],
  names: ["not closed", "unclosed", "!closed", "未完了", "未完", "完了以外"],
};
/** The statuses that every project has: ID, English and Japanese name. */
export const STANDARD: readonly (readonly [number, string, string])[] = [
  [1, "Open", "未対応"],
  [2, "In Progress", "処理中"],
  [3, "Resolved", "処理済み"],
  [CLOSED, "Closed", "完了"],
];
const STANDARD_STATUSES = STANDARD.map(
  ([id, ...names]): Candidate => ({ ids: [id], names }),
);

const DEFAULT_STATUS: ResolvedFilter = {
  ids: [],
  meant: [{ name: "not closed", ids: [] }],
  notClosed: true,
};

async function resolveStatuses(
  { ids, words }: Choices,
  { lookup }: Context,
): Promise<ResolvedFilter> {
  if (ids.length + words.length === 0) return DEFAULT_STATUS;
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
    return { ids: [], meant: [{ name: "any", ids: [] }] };
  }
  return notClosed ? DEFAULT_STATUS : filter;
}

/** `not closed (Open, In Progress, Resolved, 検収待ち)`, as far as is known. */
export function toNotClosed(seen: readonly Choice[]): string {
  const ownNames = new Map(seen.map(({ id, name }) => [id, name]));
  const isJapanese = STANDARD.some(([id, , own]) => ownNames.get(id) === own);
  const standard = STANDARD.filter(([id]) => id !== CLOSED).map(
    ([id, english, japanese]) =>
      ownNames.get(id) ?? (isJapanese ? japanese : english),
  );
  const custom = [...ownNames].filter(([id]) => id > CLOSED);
  const names = [...standard, ...custom.map(([, name]) => name)].map((name) =>
    toName(name),
  );
  const more = names.length > 8 ? [`and ${names.length - 8} more`] : [];
  const shown = [...new Set(names.slice(0, 8)), ...more];
  return `not closed (${shown.join(", ")})`;
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
    toArgument("status"),
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
  // However it is joined: `not closed`, `not_closed`, `InProgress`.
  const join = (text: string) => fold(text).replace(/[\s_-]/g, "");
  const isMeant = ({ ids, names }: Candidate) =>
    [...ids.map(String), ...names].some((name) => join(name) === join(exact));
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

const SCOPED = {
  milestone: ["versions", "milestone", "Milestones"],
  issueType: ["issueTypes", "issue type", "Issue types"],
  category: ["categories", "category", "Categories"],
} as const satisfies Partial<
  Record<Filter, readonly [ProjectChoices, string, string]>
>;

async function resolveScoped(
  filter: keyof typeof SCOPED,
  { ids, words }: Choices,
  { lookup }: Context,
): Promise<ResolvedFilter | undefined> {
  if (ids.length + words.length === 0) return undefined;
  if (words.length === 0) return toFilter(ids, []);
  const [kind, singular, plural] = SCOPED[filter];
  const { entries, scope } = await lookup.listChoices(
    kind,
    plural.toLowerCase(),
    toArgument(filter),
  );
  const found = matchAll(words, groupByName(entries), {
    singular,
    plural,
    scope: ` in ${scope.text}`,
  });
  return toFilter(ids, found);
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

async function resolvePriorities({
  ids,
  words,
}: Choices): Promise<ResolvedFilter | undefined> {
  if (words.length === 0) return undefined;
  const found = matchAll(words, PRIORITIES, {
    singular: "priority",
    plural: "Priorities",
    scope: "",
  });
  return toFilter(ids, found);
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

async function resolveParents(
  given: Choices,
  { call }: Context,
): Promise<ResolvedFilter | undefined> {
  const keys = await parseParents(call, given);
  if (given.ids.length + keys.length === 0) return undefined;
  const found = await Promise.all(
    keys.map(async (key): Promise<Candidate> => {
      const { id, issueKey } = await call.getIssueRow(key);
      return { ids: [id], names: [issueKey] };
    }),
  );
  return toFilter(given.ids, found);
}

function toFilter(
  ids: readonly number[],
  found: readonly Candidate[],
): ResolvedFilter {
  const named = new Set(found.flatMap((candidate) => candidate.ids));
  const others = ids.filter((id) => !named.has(id));
  return {
    ids: [...new Set([...ids, ...named])],
    meant: [
      ...[...new Set(found)].map(({ ids, names: [name] }) => ({
        ids,
        ...(name && { name }),
      })),
      ...others.map((id) => ({ ids: [id] })),
    ],
  };
}
