using Lora.Runtime;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: ElfMend <libLibTorchSharp.so>");
    return 2;
}

if (SystemLibstdcxx.Provides(LibstdcxxMend.NewVersion))
{
    Console.WriteLine($"libstdc++ provides {LibstdcxxMend.NewVersion}: nothing to mend.");
    return 0;
}

Console.WriteLine($"{LibstdcxxMend.MendFile(args[0])}: {args[0]}");
return 0;
