using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Lora.Tests.Hubs;

/// <summary>A file of a model: bytes, and zeros up to its length, so that a file of hundreds of gigabytes takes no more room than its header.</summary>
public sealed class LocalFile
{
    private readonly byte[] head;
    private readonly Lazy<string> sha256;
    private readonly Lazy<string> blobId;

    /// <param name="content">What the file begins with.</param>
    /// <param name="length">Its length with the zeros that follow; null for none.</param>
    /// <param name="isLarge">Whether it is kept beside git, as the hub keeps large and binary files; null: by its length.</param>
    public LocalFile(byte[] content, long? length = null, bool? isLarge = null)
    {
        ArgumentNullException.ThrowIfNull(content);
        head = content;
        Length = length ?? content.Length;
        IsLarge = isLarge ?? Length > 1 << 20;

        // Of what nobody reads to its end the hash need not be right.
        sha256 = new(() => Convert.ToHexStringLower(SHA256.HashData(head)));
        blobId = new(() => Sha1([.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {head.Length}\0")), .. head]));
    }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Whether the hub keeps it beside git (LFS) and gives it from another host.</summary>
    public bool IsLarge { get; }

    /// <summary>Its SHA-256, which names it where it is large.</summary>
    public string Sha256 => sha256.Value;

    /// <summary>Its hash in git: of itself, or of the pointer in its place.</summary>
    public string BlobId => IsLarge ? Sha256[..40] : blobId.Value;

    /// <summary>What the hub's ETag says, without quotes.</summary>
    public string ETag => IsLarge ? Sha256 : BlobId;

    /// <summary>What the file begins with.</summary>
    public ReadOnlyMemory<byte> Head => head;

    /// <summary>SHA-1, by which git names what it keeps.</summary>
    internal static string Sha1(byte[] content)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(content);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Fills a buffer with what stands at a place.</summary>
    public void Read(long offset, Span<byte> buffer)
    {
        buffer.Clear();
        if (offset < head.Length)
        {
            ReadOnlySpan<byte> left = head.AsSpan((int)offset);
            left[..Math.Min(left.Length, buffer.Length)].CopyTo(buffer);
        }
    }
}
