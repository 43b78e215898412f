import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./build.ts";

/** What each room imports, types included. */
type Imports = ReadonlyMap<string, readonly string[]>;

/** What is wrong with the house in a folder, a sentence each. */
async function findFaults(root: string): Promise<string[]> {
  const floorOf = toFloors(
    await readFile(join(root, "CONTRIBUTING.md"), "utf8"),
  );
  const imports = await readImports(root);
  const rooms = [...imports.keys()];
  const arrows = [...imports].flatMap(([room, names]) =>
    names.flatMap((name) => {
      if (!imports.has(name))
        return [`${room} imports ${name}, which is no room`];
      return (floorOf.get(name) ?? 0) < (floorOf.get(room) ?? 0)
        ? [`${room} imports ${name}, which is on a floor above`]
        : [];
    }),
  );
  const circle = findCircle(imports);
  return [
    ...rooms
      .filter((room) => !floorOf.has(room))
      .map((room) => `${room} is on no floor of CONTRIBUTING.md`),
    ...[...floorOf.keys()]
      .filter((room) => !imports.has(room))
      .map((room) => `CONTRIBUTING.md names ${room}, which is not there`),
    ...arrows,
    ...(circle ? [`a circle: ${circle.join(" → ")}`] : []),
  ];
}

/** The rooms in the table of CONTRIBUTING.md; the highest floor is 0. */
function toFloors(contributing: string): Map<string, number> {
  const [, table = ""] =
    /\n\| floor \|[^\n]*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(contributing) ?? [];
  const rows = table.trim().split("\n");
  return new Map(
    rows.flatMap((row, floor) => {
      const rooms = (row.split("|")[2] ?? "").matchAll(/`([\w-]+\.ts)`/g);
      return [...rooms].map(([, room = ""]) => [room, floor] as const);
    }),
  );
}

async function readImports(root: string): Promise<Imports> {
  const imports = new Map<string, string[]>();
  for (const room of (await readdir(root)).sort()) {
    if (!room.endsWith(".ts") || room.endsWith(".test.ts")) continue;
    const source = await readFile(join(root, room), "utf8");
    const found = source.matchAll(
      /(?:from|import|import\()\s*"\.\/([^"]+\.ts)"/g,
    );
    imports.set(room, [...new Set([...found].map(([, name = ""]) => name))]);
  }
  return imports;
}

function findCircle(imports: Imports): string[] | undefined {
  const done = new Set<string>();
  const visit = (room: string, path: string[]): string[] | undefined => {
    const start = path.indexOf(room);
    if (start >= 0) return [...path.slice(start), room];
    if (done.has(room)) return undefined;
    done.add(room);
    for (const name of imports.get(room) ?? []) {
      const circle = visit(name, [...path, room]);
      if (circle) return circle;
    }
    return undefined;
  };
  for (const room of imports.keys()) {
    const circle = visit(room, []);
    if (circle) return circle;
  }
  return undefined;
}

if (import.meta.main) {
  const faults = await findFaults(process.argv[2] ?? ROOT);
  for (const fault of faults) console.error(`The house: ${fault}.`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
