using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Lora.Commands.Tests;

/// <summary>What has to be so in the process before the first test runs.</summary>
internal static class TestProcess
{
    [ModuleInitializer]
    internal static void Prepare()
    {
        Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
        Environment.SetEnvironmentVariable("POWERSHELL_DIAGNOSTICS_OPTOUT", "1");
        AssemblyLoadContext.Default.Resolving += (context, name) => name.Name is "Lora" or "Lora.Engine" ? Load(context, name) : null;
    }

    // The file that Import-Module loads too, so that tests and module share one copy.
    private static Assembly Load(AssemblyLoadContext context, AssemblyName name) =>
        context.LoadFromAssemblyPath(Repository.Bin(name.Name + ".dll"));
}
