import type { Choices, ListArguments } from "./arguments.ts";
import type { BacklogCall, ProjectChoices } from "./backlog.ts";
import { parseDay, toCalendarDay } from "./dates.ts";
import { BacklogError, toMessage, valueOrError } from "./errors.ts";
import type { Query } from "./http.ts";
import { readProject } from "./issue-key.ts";
import type { ListFilter } from "./list-text.ts";
import {
  type Candidate,
  type Condition,
  fold,
  listLabels,
  matchAll,
  unquote,
  WordProblem,
} from "./matching.ts";
import type {
  Choice,
  CustomFieldDefinition,
  IssueRow,
  Project,
  User,
} from "./responses.ts";
import { quote, toName } from "./text.ts";

/** Without a project named, so many are searched for a word at the most. */
const MOST_PROJECTS = 30;

/** Whose issues are "mine". */
export interface Me {
  id: number;
  name?: string;
}

/** The projects in which a word is looked up. */
interface Scope {
  projects: { id: number; key: string }[];
  /** How an error names it: `WEB`, or `any of 12 projects`. */
  text: string;
}

/** What is read of each project in question. */
interface Listed<Entry> {
  entries: Entry[];
  scope: Scope;
}

/** The requests that several filters may need, each sent once. */
export class Lookup {
  readonly #getMe: () => Promise<Me>;
  #me: Promise<Me> | undefined;
  #projects: Promise<Project[]> | undefined;
  #scope: Promise<Scope> | undefined;
  #users: Promise<Listed<User>> | undefined;

  readonly project: Choices;

  constructor(
    readonly call: BacklogCall,
    { ids, words }: Choices,
    getMe: () => Promise<Me>,
  ) {
    const read = (word: string) => readProject(word, call.host);
    this.project = { ids, words: words.map(read) };
    this.#getMe = getMe;
  }

  get namesProjects(): boolean {
    return this.project.ids.length + this.project.words.length > 0;
  }

  me(): Promise<Me> {
    this.#me ??= this.#getMe();
    return this.#me;
  }

  /** What was read for any of this. */
  listKnown() {
    return Promise.all([this.#users, this.#projects, this.#me]);
  }

  /** Those that the words mean, archived ones too. */
  async findProjects(): Promise<ProjectCandidate[]> {
    const { words } = this.project;
    if (words.length === 0) return [];
    const projects = (await this.#listProjects()).map(toProjectCandidate);
    // A key is a key, even where another project is called so.
    const byKey = (word: string) =>
      projects.filter(({ key }) => fold(key) === fold(unquote(word)));
    const others = words.filter((word) => byKey(word).length === 0);
    const wording = { singular: "project", plural: "Projects", scope: "" };
    const named = matchAll(others, projects, wording);
    const found = new Set([...words.flatMap(byKey), ...named]);
    return projects.filter((project) => found.has(project));
  }

  /** The members of every project in question. */
  listUsers(argument: string): Promise<Listed<User>> {
    this.#users ??= this.#listAll("members", argument, (project) =>
      this.call.listProjectUsers(project),
    );
    return this.#users;
  }

  /** The statuses, versions, ... of every project in question. */
  listChoices(
    kind: ProjectChoices,
    title: string,
    argument: string,
    { optional = false } = {},
  ): Promise<Listed<Choice>> {
    const get = (project: string | number) =>
      this.call.listProjectChoices(project, kind);
    return this.#listAll(title, argument, get, { optional });
  }

  /** Of the one project in question: what is one's field is none of another. */
  async listCustomFields() {
    const get = (project: string | number) =>
      this.call.listCustomFields(project);
    const guesses = this.#guess(get);
    const { projects } = await this.#findScope("custom_fields");
    const [only, ...others] = projects;
    if (only === undefined || others.length > 0) {
      const keys = projects.map(({ key }) => key);
      throw new WordProblem(
        `custom_fields are looked up in one project: name one in project_keys. ${listLabels("Projects", keys)}`,
      );
    }
    const fields = await (guesses.get(only.key) ?? get(only.id));
    return { fields, project: only.key };
  }

  /** What cannot be read is noted, unless nothing can and it is needed. */
  async #listAll<Entry>(
    title: string,
    argument: string,
    get: (project: string | number) => Promise<Entry[]>,
    { optional = false } = {},
  ): Promise<Listed<Entry>> {
    const guesses = this.#guess(get);
    const scope = await this.#findScope(argument);
    const answers = await Promise.all(
      scope.projects.map(({ id, key }) =>
        valueOrError(guesses.get(key) ?? get(id)),
      ),
    );
    this.call.signal.throwIfAborted();
    const failed = answers.filter((answer) => answer instanceof BacklogError);
    const [first] = failed;
    if (first && failed.length === answers.length && !optional) throw first;
    const entries = answers.flatMap((answer, index) => {
      const what = `The ${title} of ${scope.projects[index]?.key}`;
      return this.call.keep(what, answer) ?? [];
    });
    return { entries, scope };
  }

  #listProjects(): Promise<Project[]> {
    this.#projects ??= this.call.listProjects();
    return this.#projects;
  }

  #findScope(argument: string): Promise<Scope> {
    this.#scope ??= this.namesProjects
      ? this.#findNamed()
      : this.#findAll(argument);
    return this.#scope;
  }

  async #findNamed(): Promise<Scope> {
    const named = await this.findProjects();
    const projects = [
      ...this.project.ids
        .filter((id) => !named.some((project) => project.id === id))
        .map((id) => ({ id, key: String(id) })),
      ...named,
    ];
    return { projects, text: projects.map(({ key }) => key).join(", ") };
  }

  async #findAll(argument: string): Promise<Scope> {
    const all = await this.#listProjects();
    const projects = all
      .filter(({ archived }) => archived !== true)
      .map(toProjectCandidate);
    const keys = projects.map(({ key }) => key);
    const which = keys.length < all.length ? " that are not archived" : "";
    if (keys.length === 0 || keys.length > MOST_PROJECTS) {
      const takesIds = /^(assignee|status|milestone)/.test(argument);
      const orIds = takesIds ? ", or give IDs" : "";
      throw new WordProblem(
        `${argument} is looked up in projects, and this key sees ${keys.length}${which}: name one or more in project_keys${orIds}. ${listLabels("Projects", keys)}`,
      );
    }
    const several = `any of ${keys.length} projects${which}`;
    return { projects, text: keys.length === 1 ? keys.join() : several };
  }

  // What looks like a key most likely is one: asked for without waiting until
  // the list of projects has confirmed it, which saves a round trip.
  #guess<Entry>(get: (project: string) => Promise<Entry[]>) {
    const guesses = new Map<string, Promise<Entry[]>>();
    for (const word of this.project.words) {
      const key = unquote(word).normalize("NFKC").toUpperCase();
      if (guesses.has(key) || !/^[A-Z0-9_]{1,25}$/.test(key)) continue;
      const guess = get(key);
      // A wrong one is nobody's error.
      guess.catch(() => undefined);
      guesses.set(key, guess);
    }
    return guesses;
  }
}

interface ProjectCandidate extends Candidate {
  id: number;
  key: string;
}

function toProjectCandidate(project: Project): ProjectCandidate {
  const { id, projectKey: key, name } = project;
  const names = [key, ...(name ? [name] : [])];
  const [shown = "", ...more] = names.map((one) => toName(one));
  if (project.archived) more.push("archived");
  const label = more.length > 0 ? `${shown} (${more.join(", ")})` : shown;
  return { id, key, ids: [id], names, label };
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

type Value = NonNullable<IssueRow["customFields"]>[number]["value"];

/** What `custom_fields` asks for, in Backlog's parameters and in words. */
export interface CustomFilter {
  query: Query;
  told: ListFilter[];
  /** The same conditions in the words given, their days resolved. */
  next: string[];
  /** What an answer shows of each issue. */
  columns: { id: number; name: string }[];
  /** Whether an issue has what was asked for, or does not tell what it has. */
  fits: (issue: IssueRow) => boolean;
}

/** A condition on a field that there is; `next` is what stands behind that. */
interface Resolved {
  query: Query;
  told: ListFilter;
  next: string[];
  holds: (value: NonNullable<Value>) => boolean;
}

/** Undefined where none is asked for. Throws what there is to choose from. */
export async function resolveCustomFields(
  lookup: Lookup,
  { customFields, ...days }: ListArguments,
): Promise<CustomFilter | undefined> {
  if (customFields.length === 0) return undefined;
  const { fields, project } = await lookup.listCustomFields();
  const found = matchAll(
    customFields.map(({ field }) => field),
    fields.map((field) => ({ ...toCandidate(field), field })),
    {
      singular: "custom field",
      plural: "Custom fields",
      scope: ` in ${project}`,
    },
  );
  const resolved = customFields.flatMap((condition, index) => {
    const { field } = found[index] ?? {};
    const word = condition.field;
    return field ? [{ field, word, ...resolve(field, condition, days) }] : [];
  });
  const query: Query = {};
  for (const { field, query: asked } of resolved) {
    if (Object.keys(asked).some((parameter) => parameter in query)) {
      throw new WordProblem(
        `custom_fields: ${toName(field.name)} stands there twice, and Backlog takes one value; ask for one of them`,
      );
    }
    Object.assign(query, asked);
  }
  return {
    query,
    told: resolved.map(({ told }) => told),
    next: resolved.flatMap(({ word, next }) => next.map((end) => word + end)),
    columns: [...new Set(found.map(({ field }) => field))],
    fits: ({ customFields }) =>
      resolved.every(({ field, holds }) => {
        if (!customFields) return true;
        const own = customFields.find(({ id }) => id === field.id);
        if (own?.value === undefined) return own !== undefined;
        return own.value !== null && holds(own.value);
      }),
  };
}

type Days = Pick<ListArguments, "today" | "timeZone">;

// https://developer.nulab.com/docs/backlog/api/2/add-custom-field/
const NUMBER = 3;
const DATE = 4;
const LISTS = [5, 6, 7, 8];

/** Throws where the condition does not go with the kind of the field. */
function resolve(
  field: CustomFieldDefinition,
  { text, operator, value }: Condition,
  days: Days,
): Resolved {
  const refuse = (why: string) =>
    new WordProblem(`custom_fields ${quote(text)}: ${why}`);
  const name = toName(field.name);
  if (field.typeId === NUMBER) {
    const digits = value.normalize("NFKC").replace(/(?<=\d),(?=\d{3})/g, "");
    if (!/^[+-]?\d{1,15}(\.\d{1,10})?$/.test(digits)) {
      throw refuse(`${name} is a number, and ${quote(value)} is none`);
    }
    const number = Number(digits);
    return resolveRange(field, operator, [number, number], Number);
  }
  if (field.typeId === DATE) {
    const read = (end: "since" | "until") => {
      try {
        return parseDay(value, { ...days, end });
      } catch (error) {
        throw refuse(toMessage(error));
      }
    };
    const span = [read("since"), read("until")] as const;
    return resolveRange(field, operator, span, (own) =>
      toCalendarDay(`${own}`),
    );
  }
  const isList = LISTS.includes(field.typeId);
  if (operator !== "=") {
    throw refuse(`${name} is ${isList ? "a list" : "text"}; use =`);
  }
  return isList ? resolveItem(field, value) : resolveText(field, value);
}

function resolveItem(
  { id, name, items }: CustomFieldDefinition,
  value: string,
): Resolved {
  const candidates = (items ?? []).map(toCandidate);
  const [item] = matchAll([value], candidates, {
    singular: "value",
    plural: "Values",
    scope: ` of ${toName(name)}`,
  });
  const { ids = [], names: [chosen = ""] = [] } = item ?? {};
  return {
    query: { [`customField_${id}`]: ids[0] },
    told: tell(`${toName(name)} =`, [{ name: chosen, ids }]),
    next: [`=${value}`],
    holds: (own) =>
      [own].flat().some((one) => {
        const value = typeof one === "object" ? one.name : `${one}`;
        return fold(value) === fold(chosen);
      }),
  };
}

function resolveText(
  { id, name }: CustomFieldDefinition,
  value: string,
): Resolved {
  // Whether Backlog takes it for one word or for several is not documented.
  const words = fold(value).split(" ");
  return {
    query: { [`customField_${id}`]: value },
    told: tell(`${toName(name)} =`, [{ name: JSON.stringify(value), ids: [] }]),
    next: [`=${value}`],
    holds: (own) => words.every((word) => fold(`${own}`).includes(word)),
  };
}

/** From the first to the last; of `>=` and `<=` one end is open. */
function resolveRange<Place extends number | string>(
  { id, name }: CustomFieldDefinition,
  operator: Condition["operator"],
  [first, last]: readonly [Place, Place],
  toPlace: (own: NonNullable<Value>) => Place,
): Resolved {
  const min = operator === "<=" ? undefined : first;
  const max = operator === ">=" ? undefined : last;
  const ends = [
    ...(min === undefined ? [] : [`>= ${min}`]),
    ...(max === undefined ? [] : [`<= ${max}`]),
  ];
  const told = min === max ? [`= ${min}`] : ends;
  return {
    query: {
      ...(min !== undefined && { [`customField_${id}_min`]: min }),
      ...(max !== undefined && { [`customField_${id}_max`]: max }),
    },
    told: tell(told.map((end) => `${toName(name)} ${end}`).join(", "), []),
    next: told.map((end) => end.replace(" ", "")),
    holds: (own) => {
      const place = toPlace(own);
      return (
        !(min !== undefined && place < min) &&
        !(max !== undefined && place > max)
      );
    },
  };
}

function toCandidate({ id, name }: Choice): Candidate {
  return { ids: [id], names: [name] };
}

function tell(label: string, values: ListFilter["values"]): ListFilter {
  return { label, values, isDefault: false };
}
