import {
  type Choices,
  type Filter,
  type ListArguments,
  toArgument,
} from "./arguments.ts";
import { type BacklogCall, CLOSED, type ProjectChoices } from "./backlog.ts";
import { toMessage } from "./errors.ts";
import { parseIssueKey } from "./issue-key.ts";
import { Lookup } from "./lookup.ts";
import {
  type Candidate,
  fold,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import type { Choice, User } from "./responses.ts";
import { quote, toName } from "./text.ts";

/** A filter as Backlog takes it, and as the answer tells it. */
export interface ResolvedFilter {
  /** Empty: the filter is lifted. */
  ids: number[];
  meant: { name?: string; ids: number[] }[];
  /** Issues without an assignee are meant, too, or alone. */
  nobody?: true;
}

export interface ResolvedNames {
  filters: Partial<Record<Filter, ResolvedFilter>>;
  /** The default, or `not closed`: Backlog has no such filter. */
  notClosed: boolean;
}

export interface Me {
  id: number;
  name?: string;
}

/**
 * Turns words into IDs, all look-ups at once where none needs another. Throws
 * one error that lists, for every word that fits nothing, what there is.
 */
export async function resolveNames(
  call: BacklogCall,
  { choices }: ListArguments,
  getMe: () => Promise<Me>,
): Promise<ResolvedNames> {
  // What needs no look-up is refused before there is one.
  const [priority, parents] = await settleAll(
    resolvePriorities(choices("priority")),
    [parseParents(call, choices("parentIssue"))],
  );
  const lookup = new Lookup(call, choices("project"));
  let me: Promise<Me> | undefined;
  const getMeOnce = () => {
    me ??= getMe();
    return me;
  };
  const person = (filter: "assignee" | "createdUser") =>
    resolvePeople(lookup, filter, choices(filter), getMeOnce);
  const scoped = (filter: keyof typeof SCOPED) =>
    resolveScoped(lookup, filter, choices(filter));
  const [status, ...resolved] = await settleAll(
    resolveStatuses(lookup, choices("status")),
    [
      resolveProjects(lookup, choices("project")),
      person("assignee"),
      person("createdUser"),
      scoped("milestone"),
      scoped("issueType"),
      scoped("category"),
      resolveParents(call, choices("parentIssue").ids, parents ?? []),
    ],
  );
  const [
    project,
    assignee,
    createdUser,
    milestone,
    issueType,
    category,
    parentIssue,
  ] = resolved;
  return {
    filters: {
      project,
      assignee,
      status: status.filter,
      milestone,
      issueType,
      category,
      priority,
      createdUser,
      parentIssue,
    },
    notClosed: status.notClosed,
  };
}

/** All results, or one error of all the problems, each told once. */
async function settleAll<First, Rest>(
  first: Promise<First>,
  rest: Promise<Rest>[],
): Promise<[First, ...Rest[]]> {
  const settled = await Promise.allSettled([first, ...rest]);
  const problems = new Set<string>();
  for (const result of settled) {
    if (result.status === "fulfilled") continue;
    if (!(result.reason instanceof WordProblem)) throw result.reason;
    problems.add(result.reason.message);
  }
  if (problems.size > 0) throw new Error([...problems].join("\n"));
  return [await first, ...(await Promise.all(rest))];
}

async function resolveProjects(
  lookup: Lookup,
  { ids }: Choices,
): Promise<ResolvedFilter | undefined> {
  if (!lookup.namesProjects) return undefined;
  const found = await lookup.findProjects();
  return toFilter(
    ids,
    found.map(({ id, projectKey }) => ({ ids: [id], names: [projectKey] })),
  );
}

const ME = ["me", "myself", "i", "自分", "私"];
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
  lookup: Lookup,
  filter: "assignee" | "createdUser",
  { ids, words }: Choices,
  getMe: () => Promise<Me>,
): Promise<ResolvedFilter | undefined> {
  const isDefault = ids.length + words.length === 0;
  if (isDefault && filter === "createdUser") return undefined;
  const folded = words.map((word) => fold(unquote(word)));
  if (folded.some((word) => ANYONE.includes(word))) {
    return { ids: [], meant: [{ name: "anyone", ids: [] }] };
  }
  const asksFor = (known: readonly string[], index: number) =>
    known.includes(folded[index] ?? "");
  const nobody =
    filter === "assignee" && folded.some((word) => NOBODY.includes(word));
  const others = words.filter(
    (_, index) => !asksFor(ME, index) && !(nobody && asksFor(NOBODY, index)),
  );
  const asksMe = isDefault || folded.some((word) => ME.includes(word));
  const [me, people] = await Promise.all([
    asksMe ? getMe() : undefined,
    others.length > 0 ? findPeople(lookup, filter, others) : [],
  ]);
  const mine = me ? [{ ids: [me.id], names: [me.name ?? "you"] }] : [];
  const named = toFilter(ids, [...mine, ...people]);
  if (!nobody) return named;
  const unassigned = { name: "nobody", ids: [] };
  return { ...named, meant: [unassigned, ...named.meant], nobody };
}

async function findPeople(
  lookup: Lookup,
  filter: "assignee" | "createdUser",
  words: readonly string[],
): Promise<Candidate[]> {
  const { entries, scope } = await lookup.listUsers(toArgument(filter));
  const people = new Map(entries.map((user) => [user.id, toPerson(user)]));
  return matchAll(words, [...people.values()], {
    singular: "person",
    plural: "Members",
    scope: ` in ${scope.text}`,
    advice:
      filter === "assignee"
        ? "Give the login, or the ID in assignee_ids."
        : "Give the login or the ID.",
  });
}

function toPerson({ id, name, userId, mailAddress, nulabAccount }: User) {
  const login = userId ? `${toName(userId)}, ` : "";
  return {
    ids: [id],
    names: [
      name,
      ...(userId ? [`@${userId}`] : []),
      // Japanese names are written with and without a space.
      name.replace(/\s/g, ""),
      ...[userId, mailAddress, nulabAccount?.uniqueId].filter(
        (text) => typeof text === "string",
      ),
    ],
    label: `${toName(name)} (${login}ID ${id})`,
  };
}

const ANY = ["any", "all", "すべて"];
const NOT_CLOSED = [
  "notclosed",
  "unclosed",
  "!closed",
  "未完了",
  "未完",
  "完了以外",
];
const STANDARD: readonly (readonly [number, string, string])[] = [
  [1, "Open", "未対応"],
  [2, "In Progress", "処理中"],
  [3, "Resolved", "処理済み"],
  [CLOSED, "Closed", "完了"],
];

async function resolveStatuses(
  lookup: Lookup,
  { ids, words }: Choices,
): Promise<{ filter?: ResolvedFilter; notClosed: boolean }> {
  if (ids.length + words.length === 0) return { notClosed: true };
  const folded = words.map(toBuiltIn);
  const builtIn = [
    ...ANY,
    ...NOT_CLOSED,
    ...STANDARD.flatMap((names) => names.map(String).map(toBuiltIn)),
  ];
  // With a project named, one request tells whether a custom status has
  // exactly this name; without, built-in words are not worth one per project.
  const asks =
    words.length > 0 &&
    (lookup.namesProjects || folded.some((word) => !builtIn.includes(word)));
  const listed = asks
    ? await lookup.listChoices("statuses", "statuses", toArgument("status"), {
        optional: folded.every((word) => builtIn.includes(word)),
      })
    : undefined;
  const candidates = toStatusCandidates(listed?.entries ?? []);
  const custom = candidates.filter(({ ids: [id] }) => (id ?? 0) > CLOSED);
  const isCustom = (word: string) =>
    custom.some(({ names }) => names.includes(unquote(word)));
  const special = (index: number, known: readonly string[]) =>
    known.includes(folded[index] ?? "") && !isCustom(words[index] ?? "");
  const any = words.some((_, index) => special(index, ANY));
  const notClosed = words.some((_, index) => special(index, NOT_CLOSED));
  const names = words.filter(
    (_, index) => !special(index, ANY) && !special(index, NOT_CLOSED),
  );
  const found = names.map((word) => {
    const standard = STANDARD.find((names) =>
      names.map(String).map(toBuiltIn).includes(toBuiltIn(word)),
    );
    const [id, name] = standard ?? [];
    const among = isCustom(word)
      ? custom
      : candidates.filter(({ ids: [own] }) => id === undefined || own === id);
    return matchAll([isCustom(word) ? word : (name ?? word)], among, {
      singular: "status",
      plural: "Statuses",
      scope: ` in ${listed?.scope.text}`,
      besides: " Also: any, not closed (the default).",
    });
  });
  const filter = toFilter(ids, found.flat());
  if (any || (notClosed && filter.ids.includes(CLOSED))) {
    return {
      filter: { ids: [], meant: [{ name: "any", ids: [] }] },
      notClosed: false,
    };
  }
  return notClosed ? { notClosed } : { filter, notClosed };
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

/** However it is joined: `not closed`, `not_closed`, `InProgress`. */
function toBuiltIn(word: string): string {
  return fold(unquote(word)).replace(/[\s_-]/g, "");
}

/** Standard ones in both languages and the space's own; custom ones by name. */
function toStatusCandidates(listed: readonly Choice[]): Candidate[] {
  const standard = STANDARD.map(([id, english, japanese]) => {
    const own = listed.find((status) => status.id === id)?.name;
    const names = new Set([...(own ? [own] : []), english, japanese]);
    return { ids: [id], names: [...names] };
  });
  const custom = groupByName(
    listed.filter(({ id }) => !standard.some(({ ids }) => ids.includes(id))),
  );
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
  lookup: Lookup,
  filter: keyof typeof SCOPED,
  { ids, words }: Choices,
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
  const groups = new Map<string, Candidate>();
  for (const { id, name } of choices) {
    const group = groups.get(fold(name)) ?? { ids: [], names: [] };
    if (!group.ids.includes(id)) group.ids.push(id);
    if (!group.names.includes(name)) group.names.push(name);
    groups.set(fold(name), group);
  }
  return [...groups.values()];
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
  call: BacklogCall,
  ids: readonly number[],
  keys: readonly string[],
): Promise<ResolvedFilter | undefined> {
  if (ids.length + keys.length === 0) return undefined;
  const found = await Promise.all(
    keys.map(async (key): Promise<Candidate> => {
      const { id, issueKey } = await call.getIssueRow(key);
      return { ids: [id], names: [issueKey] };
    }),
  );
  return toFilter(ids, found);
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

/**
 * Whose issues are "mine": the setting where it is a number, else the key's
 * owner. Throws where the setting is text that is not the owner's.
 */
export async function resolveMe(
  call: BacklogCall,
  userId: string | undefined,
): Promise<Me> {
  if (userId !== undefined && /^\d{1,15}$/.test(userId)) {
    return { id: Number(userId) };
  }
  return toMe(await call.getMyself(), userId);
}

/** The key's owner, unless USER_ID is text that does not name this one. */
export function toMe(owner: User, userId: string | undefined): Me {
  const me = { id: owner.id, name: owner.name };
  if (userId === undefined) return me;
  const own = [owner.userId, owner.name, owner.nulabAccount?.uniqueId];
  if (own.some((text) => text && fold(text) === fold(userId))) return me;
  throw new Error(
    `USER_ID is ${quote(userId)}, which is neither a numeric ID nor the login, display name or unique name of the key's owner. Set it to ${owner.id} (${toName(owner.name)}), or remove it: Backlog is then asked who you are.`,
  );
}
