using System.Runtime.InteropServices;
using Lora.Native;

namespace Lora.Tests.Native;

public sealed partial class ThreadWaitingTests
{
    private const string Policy = "OMP_WAIT_POLICY";
    private const string SpinCount = "GOMP_SPINCOUNT";

    [Fact]
    public void The_setting_is_in_the_environment_that_libraries_see_and_is_taken_away_again()
    {
        Assert.SkipUnless(IsUnset(SpinCount) && IsUnset(Policy), "the user says how threads wait");
        using (ThreadWaiting.Asleep())
        {
            Assert.Equal("PASSIVE", InLibraries(Policy));
        }

        Assert.Null(InLibraries(Policy));
        Assert.True(IsUnset(Policy));
    }

    [Fact]
    public void What_the_user_has_said_about_waiting_holds()
    {
        string? before = Environment.GetEnvironmentVariable(SpinCount);
        Environment.SetEnvironmentVariable(SpinCount, "1000");
        try
        {
            using ThreadWaiting waiting = ThreadWaiting.Asleep();

            Assert.Equal(Environment.GetEnvironmentVariable(Policy), InLibraries(Policy));
        }
        finally
        {
            Environment.SetEnvironmentVariable(SpinCount, before);
        }
    }

    private static bool IsUnset(string name) => Environment.GetEnvironmentVariable(name) is null;

    private static string? InLibraries(string name) =>
        OperatingSystem.IsWindows() ? Environment.GetEnvironmentVariable(name) : Marshal.PtrToStringUTF8(Find(name));

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Find(string name);
}
