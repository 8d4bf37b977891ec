export function io({ io }, { post }) {
  post(io.value);
}
