// SPDX-License-Identifier: Apache-2.0
// The YASGUI editor, completing from our own server only.
import Yasqe from '@zazuko/yasqe';

const iriCompletion = (name, list, isPosition) => ({
  name,
  bulk: false,
  isValidCompletionPosition: isPosition,
  get: async (_, token) => {
    const start = token?.autocompletionString ?? '';
    return (await list()).filter((iri) => iri.startsWith(start)).slice(0, 100);
  },
  preProcessToken: (yasqe, token) => Yasqe.Autocompleters[name === 'classes' ? 'class' : 'property'].preProcessToken(yasqe, token),
  postProcessSuggestion: (yasqe, token, iri) =>
    Yasqe.Autocompleters[name === 'classes' ? 'class' : 'property'].postProcessSuggestion(yasqe, token, iri),
});

/** Make the editor. `vocabulary` promises {prefixes, classes, properties}; `onRun` is called for Ctrl+Enter. */
export function makeEditor(parent, { value, vocabulary, onRun, onChange }) {
  const completers = Yasqe.Autocompleters;
  Yasqe.registerAutocompleter({
    name: 'prefixes-here',
    bulk: true,
    autoShow: true,
    persistenceId: null,
    isValidCompletionPosition: completers.prefixes.isValidCompletionPosition,
    preProcessToken: completers.prefixes.preProcessToken,
    postprocessHints: completers.prefixes.postprocessHints,
    onInitialize: completers.prefixes.onInitialize,
    get: async () => Object.entries((await vocabulary()).prefixes).map(([name, iri]) => `${name}: <${iri}>`).sort(),
  }, false);
  Yasqe.registerAutocompleter(
    iriCompletion('classes', async () => (await vocabulary()).classes, completers.class.isValidCompletionPosition), false);
  Yasqe.registerAutocompleter(
    iriCompletion('properties', async () => (await vocabulary()).properties, completers.property.isValidCompletionPosition), false);

  const editor = new Yasqe(parent, {
    value,
    autocompleters: ['variables', 'prefixes-here', 'classes', 'properties'],
    consumeShareLink: null,
    createShareableLink: null,
    persistenceId: null,
    prefixCcApi: null,
    showQueryButton: false,
    resizeable: false,
    editorHeight: '100%',
    lineWrapping: true,
    screenReaderLabel: 'SPARQL query',
    extraKeys: {
      ...Yasqe.defaults.extraKeys,
      'Ctrl-Enter': onRun,
      'Cmd-Enter': onRun,
      'Ctrl-S': () => {},
      // Tab leaves the editor, so that it is no trap for the keyboard
      Tab: false,
      'Shift-Tab': false,
    },
  });
  editor.on('change', () => onChange(editor.getValue()));
  return {
    get value() {
      return editor.getValue();
    },
    set value(text) {
      editor.setValue(text);
    },
    format: () => {
      editor.execCommand('selectAll');
      editor.autoformat();
      editor.setCursor(0, 0);
    },
    insert: (text) => {
      editor.replaceSelection(text);
      editor.focus();
    },
    prefixes: () => editor.getPrefixesFromQuery(),
    focus: () => editor.focus(),
    refresh: () => editor.refresh(),
    /** Mark where the server found a fault; without a line the mark goes away. */
    mark: (line, column) => {
      for (const mark of editor.getAllMarks()) if (mark.className === 'fault') mark.clear();
      editor.eachLine((handle) => editor.removeLineClass(handle, 'background', 'fault-line'));
      if (!line || line > editor.lineCount()) return;
      editor.addLineClass(line - 1, 'background', 'fault-line');
      const ch = Math.max(0, (column ?? 1) - 1);
      editor.markText({ line: line - 1, ch }, { line: line - 1, ch: ch + 1 }, { className: 'fault' });
      editor.scrollIntoView({ line: line - 1, ch }, 40);
    },
  };
}
