using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Lora.Hub;

/// <summary>
/// The hash by which a hub names a content, taken as it comes: SHA-256 of what is kept beside git; of a file in git the SHA-1 of <c>blob SIZE</c>, a zero
/// and the content. Which of them is told by its length.
/// </summary>
internal sealed class ContentHash : IDisposable
{
    private const int GitLength = 40;
    private const int BufferBytes = 1 << 20;

    private readonly string expected;
    private readonly IncrementalHash hash;
    private readonly byte[] head;

    /// <param name="expected">The hash that the hub says, in lower case.</param>
    /// <param name="size">Bytes of the whole content.</param>
    public ContentHash(string expected, long size)
    {
        this.expected = expected;
        bool isGit = expected.Length == GitLength;
        head = isGit ? Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {size}\0")) : [];
        hash = IncrementalHash.CreateHash(isGit ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        hash.AppendData(head);
    }

    /// <summary>What is wrong with a file's content; null where it is what the hub says.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">The hash that the hub says.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async Task<string?> FaultAsync(string path, string expected, CancellationToken cancellation)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true);
        using ContentHash content = new(expected, stream.Length);
        byte[] buffer = new byte[BufferBytes];
        for (int count; (count = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            content.Add(buffer.AsSpan(0, count));
        }

        return content.Fault();
    }

    /// <summary>Takes the next bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => hash.AppendData(bytes);

    /// <summary>Begins anew.</summary>
    public void Reset()
    {
        hash.GetHashAndReset();
        hash.AppendData(head);
    }

    /// <summary>What is wrong with the content; null where it is what the hub says.</summary>
    public string? Fault()
    {
        string found = Convert.ToHexStringLower(hash.GetCurrentHash());
        return found == expected ? null : $"its {(head.Length > 0 ? "SHA-1 in git" : "SHA-256")} is {found}, and {expected} was expected";
    }

    /// <inheritdoc/>
    public void Dispose() => hash.Dispose();
}
