using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps the values of tensors.</summary>
internal interface IPrefixStore : IDisposable
{
    /// <summary>Keeps a copy.</summary>
    /// <param name="values">A contiguous tensor.</param>
    /// <returns>The number to read it by.</returns>
    /// <exception cref="IOException">There is no room for it.</exception>
    int Add(Tensor values);

    /// <summary>Copies kept values into a tensor of the same shape and dtype.</summary>
    /// <exception cref="IOException">They can no longer be read.</exception>
    void Read(int number, Tensor destination);
}
