using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>
/// The processor's time that the calling thread has taken. A limit on work is held by it: on a machine that many processes share, a thread may wait for
/// seconds between two instructions, and what it works on is not to blame.
/// </summary>
internal static partial class ThreadClock
{
    private const int LinuxThreadClock = 3; // CLOCK_THREAD_CPUTIME_ID in time.h
    private const int MacThreadClock = 16;
    private const long TicksPerSecond = TimeSpan.TicksPerSecond;
    private const long NanosecondsPerTick = 100;

    /// <summary>The time since the thread began. Where the system does not tell, that of the clock on the wall.</summary>
    public static TimeSpan Now
    {
        get
        {
            if (OperatingSystem.IsWindows())
            {
                return GetThreadTimes(GetCurrentThread(), out _, out _, out long kernel, out long user) ? new(kernel + user) : Wall;
            }

            int clock = OperatingSystem.IsMacOS() ? MacThreadClock : LinuxThreadClock;
            return GetTime(clock, out TimeSpecification time) == 0 ? new((time.Seconds * TicksPerSecond) + (time.Nanoseconds / NanosecondsPerTick)) : Wall;
        }
    }

    private static TimeSpan Wall => TimeSpan.FromMilliseconds(Environment.TickCount64);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpecification time);

    [LibraryImport("kernel32.dll")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetThreadTimes(nint thread, out long creation, out long exit, out long kernel, out long user);

    // struct timespec of 64-bit systems.
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpecification
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
