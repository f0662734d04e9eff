#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Jena and RDF4J from Maven, and their drivers compiled; needs a JDK 17 or newer and mvn.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/.." && pwd)/.cache
compile() {
  mkdir -p "$cache/$1/classes"
  mvn -q -B -f "$here/pom.xml" -P "$1" dependency:copy-dependencies -DoutputDirectory="$cache/$1/lib"
  javac -nowarn -d "$cache/$1/classes" -cp "$cache/$1/lib/*" "$here/Peer.java" "$here/$2.java"
}
compile jena JenaPeer
compile rdf4j Rdf4jPeer
