import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./build.ts";

/** The rooms of each floor, the highest first, as CONTRIBUTING.md lists them. */
export function readFloors(contributing: string): string[][] {
  const [, table = ""] =
    /\n\| floor \|[^\n]*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(contributing) ?? [];
  return table
    .trim()
    .split("\n")
    .map((row) =>
      [...(row.split("|")[2] ?? "").matchAll(/`([\w-]+\.ts)`/g)].map(
        ([, name = ""]) => name,
      ),
    );
}

/** The rooms that a source imports, types included. */
export function listImports(source: string): string[] {
  const imports = source.matchAll(
    /(?:from|import|import\()\s*"\.\/([^"]+\.ts)"/g,
  );
  return [...new Set([...imports].map(([, name = ""]) => name))];
}

/** What is wrong with the house, a sentence each. */
export function findFaults(
  floors: readonly string[][],
  imports: ReadonlyMap<string, readonly string[]>,
): string[] {
  const floorOf = new Map(
    floors.flatMap((rooms, floor) =>
      rooms.map((room) => [room, floor] as const),
    ),
  );
  const unknown = [...imports.keys()].filter((room) => !floorOf.has(room));
  const absent = [...floorOf.keys()].filter((room) => !imports.has(room));
  const upwards = [...imports].flatMap(([room, names]) =>
    names
      .filter((name) => (floorOf.get(name) ?? 0) < (floorOf.get(room) ?? 0))
      .map((name) => `${room} imports ${name}, which is on a floor above`),
  );
  const circle = findCircle(imports);
  return [
    ...unknown.map((room) => `${room} is on no floor of CONTRIBUTING.md`),
    ...absent.map(
      (room) => `CONTRIBUTING.md names ${room}, which is not there`,
    ),
    ...upwards,
    ...(circle ? [`a circle: ${circle.join(" → ")}`] : []),
  ];
}

function findCircle(
  imports: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const done = new Set<string>();
  const visit = (room: string, path: string[]): string[] | undefined => {
    const start = path.indexOf(room);
    if (start >= 0) return [...path.slice(start), room];
    if (done.has(room)) return undefined;
    for (const name of imports.get(room) ?? []) {
      const circle = visit(name, [...path, room]);
      if (circle) return circle;
    }
    done.add(room);
    return undefined;
  };
  for (const room of imports.keys()) {
    const circle = visit(room, []);
    if (circle) return circle;
  }
  return undefined;
}

/** The rooms of the repository with what each imports. */
export async function readRooms(): Promise<Map<string, string[]>> {
  const names = (await readdir(ROOT)).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  return new Map(
    await Promise.all(
      names.map(async (name) => {
        const source = await readFile(join(ROOT, name), "utf8");
        return [name, listImports(source)] as const;
      }),
    ),
  );
}

if (import.meta.main) {
  const text = await readFile(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const faults = findFaults(readFloors(text), await readRooms());
  for (const fault of faults) console.error(`The house: ${fault}.`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
