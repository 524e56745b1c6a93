# What the packages have in common. To be sourced, with the checkout as the current directory.

NAME=oci-insta-scale
SUMMARY='Launch and keep fleets of OCI compute instances from one YAML file'
DESCRIPTION='It brings a fleet to the wanted size, keeps it there and ends it. Each launch is recorded on disk before
 its request is sent, so that no instance is lost or duplicated. A simulated region for tests is included.'
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)

fail() { echo "$*" >&2; exit 1; }
[ -n "$VERSION" ] || fail 'no version in Cargo.toml'

# Puts together in the folder $1 what a package contains: `make install`, the licence and the example.
stage() {
  make --no-print-directory install DESTDIR="$1" PREFIX=/usr ${SETTINGS[@]+"${SETTINGS[@]}"} >&2
  install -Dm 644 LICENSE "$1/usr/share/doc/$NAME/copyright"
  install -Dm 644 config.example.yaml "$1/usr/share/doc/$NAME/examples/config.example.yaml"
  gzip -9n <CHANGELOG.md >"$1/usr/share/doc/$NAME/changelog.gz"
  find "$1/usr/share/man" -type f -exec gzip -9n {} +
  # Debug builds, which tests pack, have symbols.
  strip --strip-unneeded "$1/usr/bin/$NAME" 2>/dev/null || true
}

# The newest version of the C library that the program asks for.
glibc() {
  readelf --version-info --wide "$1" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -n 1
}
