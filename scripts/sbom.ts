import { join } from "node:path";
import {
  Contrib,
  Enums,
  Models,
  Serialize,
  Spec,
} from "@cyclonedx/cyclonedx-library";
import manifest from "../package.json" with { type: "json" };
import { ROOT } from "./build.ts";

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
  for (const [{ dependencies = {} }, component] of packages) {
    for (const [{ name }, { bomRef }] of packages) {
      if (Object.hasOwn(dependencies, name)) component.dependencies.add(bomRef);
    }
  }
  const { version } = Bun;
  const runtime = new Models.Component(Enums.ComponentType.Platform, "bun", {
    version,
    bomRef: `bun@${version}`,
    purl: `pkg:github/oven-sh/bun@bun-v${version}`,
    description:
      "The runtime inside the program. What it is made of in its turn (JavaScriptCore, BoringSSL and others) its own project lists.",
  });
  for (const component of [...packages.values(), runtime]) {
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

/** Every package of which a file is in the bundle, by its package.json. */
async function readPackages(): Promise<Map<PackageJson, Models.Component>> {
  const { metafile } = await Bun.build({
    ...{ entrypoints: [join(ROOT, "index.ts")], target: "bun" },
    define: { "process.env.NODE_ENV": '"production"' },
    metafile: true,
  });
  const folders = Object.keys(metafile?.inputs ?? {}).flatMap(
    (path) => path.match(/.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/) ?? [],
  );
  const packages = new Map<PackageJson, Models.Component>();
  for (const path of [...new Set(folders)].sort()) {
    const data = await Bun.file(`${path}/package.json`).json();
    packages.set(data, toComponent(data));
  }
  return packages;
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
