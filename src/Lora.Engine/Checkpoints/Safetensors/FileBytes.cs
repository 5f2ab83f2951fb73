using Microsoft.Win32.SafeHandles;

namespace Lora.Checkpoints;

/// <summary>Reads a stretch of a file whole; one call of the system may return less than it was asked for.</summary>
internal static class FileBytes
{
    /// <summary>Fills the destination; false when the file ends before.</summary>
    public static bool TryRead(SafeFileHandle handle, long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(handle, destination, offset);
            if (count == 0)
            {
                return false;
            }

            destination = destination[count..];
            offset += count;
        }

        return true;
    }
}
