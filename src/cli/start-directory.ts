/** npm runs a package's scripts in the package's directory: a relative path was meant from where npm was started. */
export function startDirectory(env: NodeJS.ProcessEnv): string {
  const { npm_lifecycle_event: script, npm_package_name: name, INIT_CWD: started } = env
  return script !== undefined && name === 'flotilla' && started !== undefined ? started : process.cwd()
}
