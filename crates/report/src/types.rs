//! The types of the page's script, written from the structs of the schema: a test compares
//! `page/types.d.ts` with them, and writes it with `INSTA_UPDATE=always`.

use std::fmt::Write;
use std::path::Path;
use syn::{Attribute, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// The files of the schema, from the folder of the crates.
const SOURCES: [&str; 13] = [
    "chart/src/axis.rs",
    "chart/src/scale.rs",
    "chart/src/chart.rs",
    "chart/src/curves.rs",
    "chart/src/matrix.rs",
    "chart/src/grid.rs",
    "chart/src/trails.rs",
    "chart/src/table.rs",
    "chart/src/pictures.rs",
    "report/src/schema.rs",
    "report/src/schema/media.rs",
    "report/src/schema/overlay.rs",
    "report/src/schema/story.rs",
];

#[test]
fn the_types_of_the_page_are_those_of_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = folder.parent().unwrap();
    let mut written = String::from(
        "// The schema of reports, for `tsc` alone: nothing of this file is in the page. Written by \
         the test\n// `the_types_of_the_page_are_those_of_the_schema` from the Rust types: do not \
         edit.\n\ndeclare namespace Schema {\n",
    );
    for source in SOURCES {
        let text = std::fs::read_to_string(crates.join(source)).unwrap();
        for item in syn::parse_file(&text).unwrap().items {
            write_item(&mut written, &item);
        }
    }
    written += "}\n";
    let path = folder.join("page/types.d.ts");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &written).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == written, "{} is not what INSTA_UPDATE=always writes", path.display());
}

/// What serde's attributes say.
#[derive(Default)]
struct Serde {
    rename_all: bool,
    tag: Option<String>,
    untagged: bool,
    flatten: bool,
    /// Whether the field may be absent.
    skipped: bool,
}

impl Serde {
    fn of(attributes: &[Attribute]) -> Self {
        let mut serde = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("serde")) {
            attribute
                .parse_nested_meta(|meta| {
                    let name = meta.path.get_ident().unwrap().to_string();
                    let value = match meta.input.peek(syn::Token![=]) {
                        true => Some(meta.value()?.parse::<Lit>()?),
                        false => None,
                    };
                    match (name.as_str(), value) {
                        ("rename_all", Some(Lit::Str(case))) => {
                            assert_eq!(case.value(), "lowercase");
                            serde.rename_all = true;
                        }
                        ("tag", Some(Lit::Str(tag))) => serde.tag = Some(tag.value()),
                        ("untagged", None) => serde.untagged = true,
                        ("flatten", None) => serde.flatten = true,
                        ("skip_serializing_if", Some(_)) => serde.skipped = true,
                        ("default", _) => {}
                        (other, _) => panic!("serde's `{other}` is not known here"),
                    }
                    Ok(())
                })
                .unwrap();
        }
        serde
    }
}

fn write_item(to: &mut String, item: &Item) {
    match item {
        Item::Struct(item) if is_serde(&item.attrs) => {
            let mut fields = String::new();
            let mut with = String::new();
            for field in &item.fields {
                let serde = Serde::of(&field.attrs);
                if serde.flatten {
                    with = format!(" & {}", type_of(&field.ty));
                    continue;
                }
                let name = field.ident.as_ref().unwrap();
                let (mark, of) = match (serde.skipped, inner(&field.ty, "Option")) {
                    (true, Some(inner)) => ("?", type_of(inner)),
                    (true, None) => ("?", type_of(&field.ty)),
                    (false, _) => ("", type_of(&field.ty)),
                };
                comment(&mut fields, &field.attrs, "    ");
                writeln!(fields, "    {name}{mark}: {of};").unwrap();
            }
            comment(to, &item.attrs, "  ");
            writeln!(to, "  type {} = {{\n{fields}  }}{with};", item.ident).unwrap();
        }
        Item::Enum(item) if is_serde(&item.attrs) => {
            let serde = Serde::of(&item.attrs);
            let variants = item.variants.iter().map(|variant| {
                let name = variant.ident.to_string();
                let name = if serde.rename_all { name.to_lowercase() } else { name };
                match (&serde.tag, &variant.fields) {
                    (Some(tag), Fields::Unnamed(of)) => {
                        format!("({{ {tag}: '{name}' }} & {})", type_of(&of.unnamed[0].ty))
                    }
                    (None, Fields::Unnamed(of)) if serde.untagged => type_of(&of.unnamed[0].ty),
                    (None, Fields::Unit) if serde.untagged => "null".to_owned(),
                    (None, Fields::Unit) => format!("'{name}'"),
                    _ => panic!("the enum {} is not known here", item.ident),
                }
            });
            let variants: Vec<String> = variants.collect();
            comment(to, &item.attrs, "  ");
            writeln!(to, "  type {} = {};", item.ident, variants.join(" | ")).unwrap();
        }
        _ => {}
    }
}

fn is_serde(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => {
            list.tokens.to_string().contains("Serialize")
        }
        _ => false,
    })
}

/// The first paragraph of the documentation.
fn comment(to: &mut String, attributes: &[Attribute], indent: &str) {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    if !lines.is_empty() {
        writeln!(to, "{indent}/** {} */", lines.join(" ").replace("[`", "`").replace("`]", "`"))
            .unwrap();
    }
}

/// What is between the angle brackets of a type of this name.
fn inner<'a>(of: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = of else { return None };
    let last = path.path.segments.last()?;
    match (&last.arguments, last.ident == name) {
        (PathArguments::AngleBracketed(list), true) => match list.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}

fn type_of(of: &Type) -> String {
    if let Some(inner) = inner(of, "Option") {
        return format!("{} | null", type_of(inner));
    }
    if let Some(inner) = inner(of, "Vec") {
        let inner = type_of(inner);
        return if inner.contains(' ') { format!("({inner})[]") } else { format!("{inner}[]") };
    }
    match of {
        Type::Array(array) => format!("[{0}, {0}]", type_of(&array.elem)),
        Type::Path(path) => match path.path.segments.last().unwrap().ident.to_string().as_str() {
            "f64" | "usize" | "u32" | "u64" => "number".to_owned(),
            "String" => "string".to_owned(),
            "bool" => "boolean".to_owned(),
            "Value" => "unknown".to_owned(),
            other => other.to_owned(),
        },
        _ => panic!("a type that is not known here"),
    }
}
