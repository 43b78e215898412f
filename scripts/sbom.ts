import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  Contrib,
  Enums,
  Models,
  Serialize,
  Spec,
} from "@cyclonedx/cyclonedx-library";
import manifest from "../package.json" with { type: "json" };
import { ROOT, run, startFolder } from "./build.ts";

/**
 * What is inside the program, as CycloneDX: the packages that the bundler took
 * in, no more and no less, and Bun's runtime. The same text each time.
 */
export async function toSbom(repository: string): Promise<string> {
  const bom = new Models.Bom();
  const program = toComponent(
    { ...manifest, repository: { url: `https://github.com/${repository}` } },
    Enums.ComponentType.Application,
  );
  bom.metadata.component = program;
  const packages = await readPackages();
  const components = new Map(
    packages.map((data) => [data.name, toComponent(data)]),
  );
  for (const { name, dependencies = {} } of packages) {
    for (const other of Object.keys(dependencies)) {
      const found = components.get(other);
      if (found) components.get(name)?.dependencies.add(found.bomRef);
    }
  }
  const runtime = toRuntime();
  for (const component of [...components.values(), runtime]) {
    bom.components.add(component);
    program.dependencies.add(component.bomRef);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const options = { sortLists: true, space: 2 };
  return `${new Serialize.JsonSerializer(factory).serialize(bom, options)}\n`;
}

type PackageJson = {
  name: string;
  version: string;
  repository?: { url: string };
  dependencies?: Record<string, string>;
};

/** The package.json of every package of which a file is in the bundle. */
async function readPackages(): Promise<PackageJson[]> {
  await using folder = await startFolder();
  const metafile = join(folder.path, "meta.json");
  await run([
    ...[process.execPath, "build", join(ROOT, "index.ts"), "--target=bun"],
    ...["--production", `--metafile=${metafile}`],
    `--outdir=${join(folder.path, "out")}`,
  ]);
  const { inputs } = JSON.parse(await readFile(metafile, "utf8"));
  const folders = Object.keys(inputs).flatMap(
    (path) => path.match(/.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/) ?? [],
  );
  return Promise.all(
    [...new Set(folders)]
      .sort()
      .map(async (path) =>
        JSON.parse(await readFile(join(ROOT, path, "package.json"), "utf8")),
      ),
  );
}

const builder = new Contrib.FromNodePackageJson.Builders.ComponentBuilder(
  new Contrib.FromNodePackageJson.Factories.ExternalReferenceFactory(),
  new Contrib.License.Factories.LicenseFactory((text) => {
    throw new Error(`${text} is no identifier of SPDX's.`);
  }),
);

function toComponent(
  data: PackageJson,
  type = Enums.ComponentType.Library,
): Models.Component {
  const component = builder.makeComponent(data, type);
  if (!component) throw new Error(`${data.name} is no package.`);
  const id = `${data.name}@${data.version}`;
  component.bomRef.value = id;
  if (type === Enums.ComponentType.Library) {
    component.purl = `pkg:npm/${id.replace(/^@/, "%40")}`;
  }
  return component;
}

function toRuntime(): Models.Component {
  const { version } = Bun;
  return new Models.Component(Enums.ComponentType.Platform, "bun", {
    version,
    bomRef: `bun@${version}`,
    purl: `pkg:github/oven-sh/bun@bun-v${version}`,
    description:
      "The runtime inside the program. What it is made of in its turn (JavaScriptCore, BoringSSL and others) its own project lists.",
  });
}
