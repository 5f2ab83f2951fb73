using System.ComponentModel;
using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Lora.Tests;

/// <summary>A file system of a few hundred kilobytes, in memory: what is written to it finds its end soon.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string path;

    private SmallDisk(string path) => this.path = path;

    /// <summary>Mounts one, which takes root under Linux; elsewhere the test is skipped.</summary>
    /// <param name="kilobytes">Its size.</param>
    /// <param name="options">Options of mount.</param>
    public static SmallDisk OrSkip(int kilobytes = 256, string options = "rw")
    {
        string path = Directory.CreateTempSubdirectory("lora-disk-").FullName;
        if (!Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k,{options}", "none", path))
        {
            Directory.Delete(path);
            Assert.Skip("A small disk cannot be mounted here; it takes Linux and root.");
        }

        return new(path);
    }

    public string File(string name) => Path.Combine(path, name);

    /// <summary>Leaves no room at all.</summary>
    public void Fill()
    {
        using SafeFileHandle file = System.IO.File.OpenHandle(File(".filling"), FileMode.CreateNew, FileAccess.Write);
        try
        {
            for (long offset = 0; ; offset += 512)
            {
                RandomAccess.Write(file, new byte[512], offset);
            }
        }
        catch (IOException)
        {
            // That was the purpose.
        }
    }

    /// <summary>Takes no change any more.</summary>
    public void MakeReadOnly() => Assert.True(Run("mount", "-o", "remount,ro", path));

    public void Dispose()
    {
        Run("umount", path);
        Directory.Delete(path);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // no such program
        }
    }
}
