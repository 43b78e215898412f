import type { Choices } from "./arguments.ts";
import type { BacklogCall, ProjectChoices } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import {
  type Candidate,
  fold,
  listLabels,
  match,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import type { Choice, Project, User } from "./responses.ts";
import { quote, toName } from "./text.ts";

/** Without a project named, so many are searched for a word at the most. */
const MOST_PROJECTS = 30;

export interface Me {
  id: number;
  name?: string;
}

/** The projects in which a word is looked up. */
export interface Scope {
  projects: { id: number; name: string }[];
  /** How an error names it: `WEB`, or `any of 12 projects`. */
  text: string;
}

/** The requests that several filters may need, each sent once. */
export class Lookup {
  #projects: Promise<Project[]> | undefined;
  #scope: Promise<Scope> | undefined;
  readonly #users = new Map<string | number, Promise<User[]>>();
  readonly #choices = new Map<string, Promise<Choice[]>>();

  readonly project: Choices;

  constructor(
    readonly call: BacklogCall,
    { ids, words }: Choices,
  ) {
    const read = (word: string) => readAddress(word, call.host);
    this.project = { ids, words: words.map(read) };
  }

  get namesProjects(): boolean {
    return this.project.ids.length + this.project.words.length > 0;
  }

  /** All projects the key sees, archived ones too. */
  projects(): Promise<Project[]> {
    this.#projects ??= this.call.listProjects();
    return this.#projects;
  }

  /** Those that the words mean. */
  async findProjects(): Promise<Project[]> {
    const { words } = this.project;
    if (words.length === 0) return [];
    const projects = await this.projects();
    const candidates = projects.map(({ id, projectKey, name }) => ({
      ids: [id],
      names: [projectKey, ...(name ? [name] : [])],
      label: `${toName(projectKey)}${name ? ` (${toName(name)})` : ""}`,
    }));
    // A key is a key, even where another project is called so.
    const byKey = (word: string) =>
      candidates.filter(
        ({ names: [key = ""] }) => fold(key) === fold(unquote(word)),
      );
    const others = words.filter((word) => byKey(word).length === 0);
    const wording = { singular: "project", plural: "Projects", scope: "" };
    const found = [
      ...words.flatMap(byKey),
      ...matchAll(others, candidates, wording),
    ];
    const ids = new Set(found.flatMap(({ ids }) => ids));
    return projects.filter(({ id }) => ids.has(id));
  }

  /** Those that the words mean, among the members of these projects. */
  async findPeople(
    argument: string,
    words: readonly string[],
  ): Promise<Candidate[]> {
    const { entries, scope } = await this.listUsers(argument);
    const byId = new Map(entries.map((user) => [user.id, toPerson(user)]));
    const people = [...byId.values()];
    const meant = words.map((word) => dropHonorific(word, people));
    return matchAll(meant, people, {
      singular: "person",
      plural: "Members",
      scope: ` in ${scope.text}`,
      advice:
        argument === "assignee_names"
          ? "Give the login, or the ID in assignee_ids."
          : "Give the login or the ID.",
    });
  }

  /** The members of every project in question. */
  listUsers(argument: string) {
    return this.#listAll("members", argument, (project) =>
      once(this.#users, project, () => this.call.listProjectUsers(project)),
    );
  }

  /** The statuses, versions, ... of every project in question. */
  listChoices(
    kind: ProjectChoices,
    title: string,
    argument: string,
    { optional = false } = {},
  ) {
    const get = (project: string | number) =>
      once(this.#choices, `${kind} ${project}`, () =>
        this.call.listProjectChoices(project, kind),
      );
    return this.#listAll(title, argument, get, { optional });
  }

  /** Of the one project in question: what is one's field is none of another. */
  async listCustomFields() {
    const get = (project: string | number) =>
      this.call.listCustomFields(project);
    const guesses = this.#guess(get);
    this.#scope ??= this.#findScope("custom_fields");
    const { projects } = await this.#scope;
    const [only, ...others] = projects;
    if (only === undefined || others.length > 0) {
      const names = projects.map(({ name }) => name);
      throw new WordProblem(
        `custom_fields are looked up in one project: name one in project_keys. ${listLabels("Projects", names)}`,
      );
    }
    const fields = await (guesses.get(only.name) ?? get(only.id));
    return { fields, project: only.name };
  }

  /** What cannot be read is noted, unless nothing can and it is needed. */
  async #listAll<Entry>(
    title: string,
    argument: string,
    get: (project: string | number) => Promise<Entry[]>,
    { optional = false } = {},
  ): Promise<{ entries: Entry[]; scope: Scope }> {
    const guesses = this.#guess(get);
    this.#scope ??= this.#findScope(argument);
    const scope = await this.#scope;
    const answers = await Promise.all(
      scope.projects.map(({ id, name }) =>
        valueOrError(guesses.get(name) ?? get(id)),
      ),
    );
    this.call.signal.throwIfAborted();
    const entries: Entry[] = [];
    const failed = answers.filter((answer) => answer instanceof BacklogError);
    const [first] = failed;
    if (first && failed.length === answers.length && !optional) throw first;
    for (const [index, answer] of answers.entries()) {
      const { name } = scope.projects[index] ?? {};
      entries.push(
        ...(this.call.keep(`The ${title} of ${name}`, answer) ?? []),
      );
    }
    return { entries, scope };
  }

  async #findScope(argument: string): Promise<Scope> {
    if (this.namesProjects) {
      const named = await this.findProjects();
      const projects = [
        ...this.project.ids
          .filter((id) => !named.some((project) => project.id === id))
          .map((id) => ({ id, name: String(id) })),
        ...named.map(({ id, projectKey }) => ({ id, name: projectKey })),
      ];
      return { projects, text: projects.map(({ name }) => name).join(", ") };
    }
    const all = await this.projects();
    const live = all.filter(({ archived }) => archived !== true);
    if (live.length === 0 || live.length > MOST_PROJECTS) {
      const keys = live.map(({ projectKey }) => projectKey);
      throw new WordProblem(
        `${argument} is looked up in projects, and this key sees ${live.length}: name one or more in project_keys, or give IDs. ${listLabels("Projects", keys)}`,
      );
    }
    return {
      projects: live.map(({ id, projectKey }) => ({ id, name: projectKey })),
      text: `any of ${live.length} projects`,
    };
  }

  // What looks like a key most likely is one: asked for without waiting until
  // the list of projects has confirmed it, which saves a round trip.
  #guess<Entry>(get: (project: string) => Promise<Entry[]>) {
    const guesses = new Map<string, Promise<Entry[]>>();
    for (const word of this.project.words) {
      const key = toProjectKey(word);
      if (key === undefined) continue;
      const guess = get(key);
      // A wrong one is nobody's error.
      guess.catch(() => undefined);
      guesses.set(key, guess);
    }
    return guesses;
  }
}

function once<Key, Value>(
  known: Map<Key, Promise<Value>>,
  key: Key,
  ask: () => Promise<Value>,
): Promise<Value> {
  const answer = known.get(key) ?? ask();
  known.set(key, answer);
  return answer;
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
  return bare !== name && bare !== "" && match(name, people).kind === "none"
    ? bare
    : word;
}

const PROJECT_PAGE =
  /^\/(?:projects|find|board|gantt|burndown|add|view|wiki|file)\/(\w{1,25})(?=[/-]|$)/i;

/** The key in the address of a project's page; any other word as it is. */
function readAddress(word: string, host: string): string {
  const text = unquote(word).normalize("NFKC");
  const full = text.startsWith(`${host}/`) ? `https://${text}` : text;
  if (!/^https?:\/\//i.test(full) || !URL.canParse(full)) return word;
  const address = new URL(full);
  const [, key] = PROJECT_PAGE.exec(address.pathname) ?? [];
  if (address.host === host && key !== undefined) return key;
  throw new WordProblem(
    address.host === host
      ? `project_keys: the address ${quote(text, 80)} names no project; give a key such as PROJ`
      : `project_keys is an address of ${address.host}, but this server reads ${host} only; each space needs an entry of its own in the client's configuration`,
  );
}

function toProjectKey(word: string): string | undefined {
  const key = unquote(word).normalize("NFKC").toUpperCase();
  return /^[A-Z0-9_]{1,25}$/.test(key) ? key : undefined;
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
