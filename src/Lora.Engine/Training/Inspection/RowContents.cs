using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Lora.Data;

namespace Lora.Training;

/// <summary>
/// Knows which contents were met, and where first. Of each row 16 bytes of its SHA-256 are kept: that two rows that differ share them by chance is
/// less likely than a fault of the memory.
/// </summary>
internal sealed class RowContents
{
    private readonly Dictionary<UInt128, (DatasetFile File, int Line)> met = [];
    private readonly Dictionary<UInt128, (DatasetFile File, int Line)> heldOut = [];

    /// <summary>The content of a row, whatever its file is written in.</summary>
    public static UInt128 Of(DatasetRow row)
    {
        ArrayBufferWriter<byte> json = new();
        DatasetRowJson.Write(json, row);
        return BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(json.WrittenSpan));
    }

    /// <summary>Notes a row that losses are taken on.</summary>
    public void HoldOut(UInt128 content, DatasetFile file, int line) => heldOut.TryAdd(content, (file, line));

    /// <summary>Notes a row that is learned from, and says where else its content stands.</summary>
    public IEnumerable<string> Meet(UInt128 content, DatasetFile file, int line)
    {
        if (!met.TryAdd(content, (file, line)))
        {
            (DatasetFile first, int at) = met[content];
            yield return $"it is the same as {first.Unit} {at}{(first == file ? "" : $" of '{first.Path}'")}";
        }

        if (heldOut.TryGetValue(content, out (DatasetFile File, int Line) other))
        {
            yield return $"it stands in the validation set too ({other.File.Unit} {other.Line} of '{other.File.Path}')";
        }
    }
}
