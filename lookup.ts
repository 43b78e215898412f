import type { Choices } from "./arguments.ts";
import type { BacklogCall, ProjectChoices } from "./backlog.ts";
import { BacklogError } from "./errors.ts";
import {
  fold,
  listLabels,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import type { Choice, Project, User } from "./responses.ts";
import { toName } from "./text.ts";

/** Without a project named, so many are searched for a word at the most. */
const MOST_PROJECTS = 30;

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

  constructor(
    readonly call: BacklogCall,
    readonly project: Choices,
  ) {}

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
    const answers = await Promise.allSettled(
      scope.projects.map(({ id, name }) => guesses.get(name) ?? get(id)),
    );
    this.call.signal.throwIfAborted();
    const entries: Entry[] = [];
    const failures: { name: string; reason: BacklogError }[] = [];
    for (const [index, answer] of answers.entries()) {
      const name = scope.projects[index]?.name ?? "";
      if (answer.status === "fulfilled") entries.push(...answer.value);
      else if (answer.reason instanceof BacklogError) {
        failures.push({ name, reason: answer.reason });
      } else throw answer.reason;
    }
    if (failures.length === answers.length && !optional) {
      throw failures[0]?.reason;
    }
    for (const { name, reason } of failures) {
      this.call.keep(`The ${title} of ${name}`, reason);
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

function toProjectKey(word: string): string | undefined {
  const key = unquote(word).normalize("NFKC").toUpperCase();
  return /^[A-Z0-9_]{1,25}$/.test(key) ? key : undefined;
}
