using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Keeps the values of tensors.</summary>
internal interface IPrefixStore : IDisposable
{
    /// <summary>Keeps a copy.</summary>
    /// <param name="values">A contiguous tensor.</param>
    /// <returns>The number to read it by.</returns>
    int Add(Tensor values);

    /// <summary>Copies kept values into a tensor of the same shape and dtype.</summary>
    void Read(int number, Tensor destination);
}
