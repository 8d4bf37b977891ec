// How changesets writes the change logs: the texts of the changesets, without hashes of commits. It loads this file with
// `require`.

/** A changeset of one paragraph is an item of a list. A longer one, such as that of 0.1.0, stands as it is. */
async function getReleaseLine({ summary }) {
  const text = summary.trim();
  return text.includes('\n\n') ? text : `- ${text.split('\n').join('\n  ')}`;
}

/** All packages have one version, so that a changed dependency is no news. */
async function getDependencyReleaseLine() {
  return '';
}

module.exports = { getReleaseLine, getDependencyReleaseLine };
