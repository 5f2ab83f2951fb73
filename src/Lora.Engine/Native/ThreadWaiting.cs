using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Lets OpenMP's threads sleep while they wait for each other. Left alone they spin, some milliseconds at each of a step's many ends (libgomp) or
/// a fifth of a second (libiomp): on a machine where other programs run, a run then waits most of the time for threads that only wait. The runtimes
/// read the setting (OpenMP 5.2, 21.1.7) once, when they are loaded or first called; it is in the environment for so long and no longer.
/// </summary>
internal sealed partial class ThreadWaiting : IDisposable
{
    private const string Policy = "OMP_WAIT_POLICY";
    private const string Passive = "PASSIVE";

    // What a user may have set to the same end: it holds.
    private static readonly string[] Settings = [Policy, "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY"];

    private readonly bool isSet;

    private ThreadWaiting(bool isSet) => this.isSet = isSet;

    /// <summary>Sets it until the result is disposed, unless the user has said how threads wait.</summary>
    public static ThreadWaiting Asleep() =>
        new(Settings.All(name => Environment.GetEnvironmentVariable(name) is null) && Set());

    /// <summary>Makes the first call, for a runtime that does not read its settings before; libtorch is loaded.</summary>
    // A method of its own, which is not compiled before libtorch is there.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Begin() => _ = get_num_threads();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!isSet)
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            Environment.SetEnvironmentVariable(Policy, null);
        }
        else
        {
            _ = Unset(Policy);
        }
    }

    // .NET keeps an environment of its own where the system is not Windows; libraries in C do not see it.
    private static bool Set()
    {
        if (!OperatingSystem.IsWindows())
        {
            return Set(Policy, Passive, overwrite: 0) == 0;
        }

        Environment.SetEnvironmentVariable(Policy, Passive);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Set(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unset(string name);
}
