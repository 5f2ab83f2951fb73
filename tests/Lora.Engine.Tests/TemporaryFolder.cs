namespace Lora.Tests;

/// <summary>A folder that a test writes to; it goes when the test ends.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("lora-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, ReadOnlySpan<byte> content)
    {
        System.IO.File.WriteAllBytes(File(name), content);
        return File(name);
    }

    /// <summary>Writes a UTF-8 text file and returns its path.</summary>
    public string Write(string name, string content) => Write(name, System.Text.Encoding.UTF8.GetBytes(content));

    /// <summary>Copies a folder within it.</summary>
    public void Copy(string from, string to)
    {
        Directory.CreateDirectory(File(to));
        foreach (string file in Directory.GetFiles(File(from)))
        {
            System.IO.File.Copy(file, System.IO.Path.Combine(File(to), System.IO.Path.GetFileName(file)));
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
