//! The facts that the rules need about one source file: its tests, its types, and its imports.

use syn::visit::{self, Visit};

/// One parsed file of a crate.
#[derive(Default)]
pub struct Source {
    /// Names of its `#[test]` functions.
    pub tests: Vec<String>,
    /// Names of the types that it defines outside tests.
    pub types: Vec<String>,
    /// What it imports outside tests.
    pub imports: Vec<Import>,
    /// Names of the constants outside tests that hold a duration.
    pub durations: Vec<String>,
}

/// `use` of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The path as written, starting at `crate`, `super` or a module: `["crate", "pace", "Ticket"]`. A glob ends with `*`.
    pub path: Vec<String>,
    /// Its local name.
    pub name: String,
    /// Whether others can import it from here.
    pub public: bool,
}

impl Source {
    /// Parses a file.
    ///
    /// # Errors
    /// When it is not valid Rust.
    pub fn parse(text: &str) -> syn::Result<Self> {
        let mut source = Self::default();
        source.visit_file(&syn::parse_file(text)?);
        Ok(source)
    }

    fn constant(&mut self, name: &syn::Ident, of: &syn::Type) {
        let syn::Type::Path(path) = of else { return };
        let is_time = |name: &syn::Ident| name == "Duration" || name == "SignedDuration";
        if path.path.segments.last().is_some_and(|last| is_time(&last.ident)) {
            self.durations.push(name.to_string());
        }
    }

    fn import(&mut self, prefix: &[String], tree: &syn::UseTree, public: bool) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        let (path, name) = match tree {
            syn::UseTree::Path(path) => return self.import(&with(&path.ident), &path.tree, public),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(prefix, tree, public));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned().unwrap_or_default())
            }
            syn::UseTree::Name(name) => (with(&name.ident), name.ident.to_string()),
            syn::UseTree::Rename(rename) => (with(&rename.ident), rename.rename.to_string()),
            syn::UseTree::Glob(_) => ([prefix, &["*".to_owned()]].concat(), "*".to_owned()),
        };
        self.imports.push(Import { path, name, public });
    }
}

fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// Whether a function is a test: `#[test]`, `#[tokio::test]` or similar.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test"))
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test_only(&module.attrs) {
            return visit::visit_item_mod(self, module);
        }
        let mut tests = Self::default();
        visit::visit_item_mod(&mut tests, module);
        self.tests.append(&mut tests.tests);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if is_test(&function.attrs) {
            self.tests.push(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(&item.ident, &item.ty);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident, &item.ty);
    }

    // Tests written in `proptest!` are inside a macro, of which only the tokens are known.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.segments.last().is_some_and(|last| last.ident == "proptest") {
            let text = call.tokens.to_string();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', ' ']).next());
            self.tests.extend(names.map(str::to_owned));
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test_only(&item.attrs) {
            self.import(&[], &item.tree, !matches!(item.vis, syn::Visibility::Inherited));
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.types.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_types_and_imports_are_found() {
        let source = Source::parse(
            "use crate::pace::{self, Ticket as Slip, wait::*};
             pub use inner::Inner;
             struct A; enum B {} trait C {}
             fn free() { use super::Late; const SOON: Duration = Duration::ZERO; const MANY: u32 = 1; }
             impl A { const LATER: jiff::SignedDuration = X; }
             #[cfg(test)] mod tests { use super::A; const NOT_THIS: Duration = Duration::ZERO; struct OnlyHere; #[test] fn one() {} #[tokio::test] async fn two() {} }
             proptest! { #[test] fn three(x in 0..1) {} }",
        )
        .unwrap();
        assert_eq!(source.tests, ["one", "two", "three"]);
        assert_eq!(source.types, ["A", "B", "C"]);
        assert_eq!(source.durations, ["SOON", "LATER"]);
        let paths: Vec<String> = source.imports.iter().map(|import| import.path.join("::")).collect();
        assert_eq!(
            paths,
            ["crate::pace", "crate::pace::Ticket", "crate::pace::wait::*", "inner::Inner", "super::Late"]
        );
        assert_eq!((source.imports[1].name.as_str(), source.imports[3].public), ("Slip", true));
    }
}
